package exec

import (
	"time"

	"github.com/pawlhq/pawl/estate"
)

// The kinds.
const (
	kindProgram   = "program"
	kindReplaced  = "program_replaced"
	kindWriteOnly = "program_write_only"
	kindWithValue = "program_with_value"
)

const (
	formJSON  = "json"
	formLines = "lines"
)

const (
	defaultTimeout = 50 * time.Second
	checkWithin    = 5 * time.Minute
)

func spec() estate.Spec {
	return estate.Spec{
		Name:       "exec",
		Title:      "Your own program",
		Credential: estate.OptionalCredential,
		Connection: connection(),
		Kinds:      []estate.Kind{issuer(), replaced(), location(), writeOnly(), activation(), check(), withValue(), discovery()},
	}
}

func connection() []estate.Field {
	return []estate.Field{
		{Name: "command", Type: estate.List, Required: true, Example: "[./keystore.sh, /var/lib/keystore]",
			Doc: "The program and its arguments. A name with a slash starts at the estate's folder, one without is looked for in PATH. Never put a value here: arguments can be read by every user of the machine."},
		{Name: "form", Type: estate.String, Default: formJSON, Enum: []string{formJSON, formLines},
			Doc: "How requests and replies are written. `lines` is for shell scripts: one `name=text` a line."},
		{Name: "dir", Type: estate.String, Example: "ops",
			Doc: "The folder in which it runs; the estate's folder without it."},
		{Name: "env", Type: estate.List, Example: "[VAULT_ADDR]",
			Doc: "Names of further variables that it may see. Without it there are PATH, HOME and LANG only."},
		{Name: "timeout", Type: estate.Duration, Default: defaultTimeout,
			Doc: "How long one act may take. More than 60s has no effect: what takes longer replies that it is not done yet and is asked again."},
	}
}

func fields(more ...estate.Field) []estate.Field {
	return append([]estate.Field{
		{Name: "target", Type: estate.String, Default: "{{secret}}", Example: "billing/api-key",
			Doc: "What the program is to act on, in its own words."},
		{Name: "with", Type: estate.Map, Example: "{cluster: eu-1}",
			Doc: "Further settings for the program, handed on as they are. Never a value."},
	}, more...)
}

func nameField() estate.Field {
	return estate.Field{Name: "name", Type: estate.String, Default: "{{secret}}-v{{.Version}}", Example: "billing-{{.Date}}",
		Doc: "The name that a new credential gets. May use {{.Date}}, {{.Secret}}, {{.Estate}}, {{.Version}} and {{.Environment}}. It must be new each time: a lost answer is cleared up by it."}
}

// byHand runs the program for some acts as a person would. The activation is
// called as the act that it is.
func byHand(acts ...string) estate.Manual {
	m := estate.Manual{}
	for _, act := range acts {
		name := act
		if act == kindProgram {
			name = "activate"
		}
		m[act] = "{{range .command}}{{sh .}} {{end}}< request   # mode 0600: the act " + name + " on {{line .target}}, as docs/formats/exec-protocol.md says"
	}
	return m
}

func issuer() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindProgram,
		Doc:      "A program that mints credentials beside the old ones. It must do `mint`, `list`, `revoke` and `verify`.",
		Fields:   fields(nameField()),
		Identity: []string{"target"},
		Manual:   byHand("mint", "revoke"),
		Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide,
			Named: true, Lists: true, Revokes: true, Verifies: true}}
}

func replaced() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindReplaced,
		Doc:      "A program that changes the one credential there is, such as a password: the old one ends when the new one is minted. It must do `mint`, which is given the old value, and `verify`.",
		Fields:   fields(),
		Identity: []string{"target"},
		Manual:   byHand("mint"),
		Issuer:   &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.Replaced, Verifies: true}}
}

func location() estate.Kind {
	return estate.Kind{Role: estate.RoleLocation, Name: kindProgram,
		Doc:      "A program that writes a copy and can read it back. It must do `put`, `stat`, `read` and `remove`, and `activate` if the estate asks for it.",
		Fields:   fields(),
		Identity: []string{"target"},
		Manual:   byHand("put", kindProgram),
		Location: &estate.LocationFacts{Confirm: estate.ByValue, Readable: true, Removable: true, Live: true, Activations: activations()}}
}

func writeOnly() estate.Kind {
	return estate.Kind{Role: estate.RoleLocation, Name: kindWriteOnly,
		Doc:      "A program that writes a copy to a place that does not give it back. It must do `put`, `remove`, and `stat` with a digest or a counter that moves with every new value; and `activate` if the estate asks for it.",
		Fields:   fields(),
		Identity: []string{"target"},
		Manual:   byHand("put", kindProgram),
		Location: &estate.LocationFacts{Confirm: estate.ByDigest, Removable: true, Live: true, Activations: activations()}}
}

func activations() []estate.ActivationFact {
	return []estate.ActivationFact{{Kind: kindProgram, Doc: "The program makes the consumers load the value."}}
}

func activation() estate.Kind {
	return estate.Kind{Role: estate.RoleActivation, Name: kindProgram,
		Doc:      "A program that makes a consumer load what its location holds. It must do `activate`, leave a consumer alone that has the value, and say when it is done.",
		Fields:   fields(),
		Identity: []string{"target"},
		Manual:   byHand(kindProgram)}
}

func check() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindProgram,
		Doc:      "A program that looks at a consumer. It must do `check`, is not given the value, and must change nothing. As half of a pause it stops or starts something instead, and may be run twice.",
		Fields:   fields(),
		Identity: []string{"target"},
		Manual:   byHand("check"),
		Check:    &estate.CheckFacts{Within: checkWithin}}
}

func withValue() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindWithValue,
		Doc:      "A program that tries the value itself. It must do `check` and must change nothing.",
		Fields:   fields(),
		Identity: []string{"target"},
		Manual:   byHand("check"),
		Check:    &estate.CheckFacts{TakesValue: true, Within: checkWithin}}
}

func discovery() estate.Kind {
	return estate.Kind{Role: estate.RoleDiscovery, Name: kindProgram,
		Doc:      "A program that lists the targets of a location, such as every tenant or every workspace. It must do `discover`.",
		Fields:   fields(),
		Identity: []string{"target"},
		Manual:   byHand("discover")}
}

const notes = `- The protocol, with a complete program in plain shell, is described in [exec-protocol.md](../formats/exec-protocol.md).
- A program is trusted like pawl itself: it is handed values and, where the connection has one, the connection's own credential.
- The program runs in a process group of its own. When it ends, is cancelled or takes too long, what is left of the group is ended
  too. To start something that stays, ask the machine's service manager.
- What a program writes to standard error is not kept. When an act fails, the last line of it becomes the reason, without any value
  that pawl sent; of the acts that answer with a value nothing is shown.
- On systems other than Linux, macOS and the BSDs only the program itself is ended, not what it started.
`
