package file

import (
	"time"

	"github.com/pawlhq/pawl/estate"
)

// The kinds.
const (
	kindField = "field"
	kindLog   = "log"
)

// logWithin is how long what is expected in a log may take.
const logWithin = 10 * time.Minute

// defaultMode is the mode of a file that Put has to make.
const defaultMode = "0600"

func spec() estate.Spec {
	return estate.Spec{
		Name:       "file",
		Title:      "Local files",
		Credential: estate.NoCredential,
		Kinds:      []estate.Kind{field(), logFile()},
	}
}

func field() estate.Kind {
	return estate.Kind{
		Role: estate.RoleLocation,
		Name: kindField,
		Doc:  "One field of a configuration file on this machine. Every other byte of the file stays as it is, and so do its mode and owner.",
		Fields: []estate.Field{
			{Name: "path", Type: estate.String, Required: true, Example: "deploy/app.env",
				Doc: "The file. A relative path starts at the estate's folder. A symbolic link is followed and stays a link."},
			{Name: "format", Type: estate.String, Enum: []string{"dotenv", "json", "yaml", "toml", "properties", "plain"}, Example: "yaml",
				Doc: "How the file is written. Without it the name tells: `.env`, `.env.*` and `*.env`, `.json`, `.yaml` and `.yml`, `.toml`, `.properties`. `plain` must be said: the whole file is the value, byte for byte."},
			{Name: "field", Type: estate.String, Default: "{{secret}}", Example: "database.password",
				Doc: "The path of the field in the file, with dots (`database.password`) or as a JSON pointer (`/database/password`). In a YAML file with several documents `1:` in front chooses the second. Not used with `plain`."},
			{Name: "mode", Type: estate.String, Default: defaultMode, Example: "0640",
				Doc: "Octal permissions of a file that has to be made. One that is there keeps its own."},
		},
		Identity: []string{"path", "field"},
		Manual:   estate.Manual{"put": "$EDITOR {{sh .path}}   # {{line .field}}; no copy may stay beside it"},
		Location: &estate.LocationFacts{Confirm: estate.ByValue, Readable: true, Removable: true, Live: true},
	}
}

func logFile() estate.Kind {
	return estate.Kind{
		Role: estate.RoleCheck,
		Name: kindLog,
		Doc:  "Lines that are written to a log file on this machine from the beginning of the check on: what they must show and must not show.",
		Fields: append([]estate.Field{
			{Name: "path", Type: estate.String, Required: true, Example: "/var/log/app.log",
				Doc: "The file. A relative path starts at the estate's folder. A log that is rotated meanwhile is found again as `path.1`."}}, estate.LogFields()...),
		Identity: []string{"path"},
		Check:    &estate.CheckFacts{Within: logWithin, Observes: estate.ObservesLog},
		Manual:   estate.Manual{"check": "tail -F {{sh .path}}" + estate.LogManual},
	}
}

const notes = `- The file is replaced, not written in place: pawl needs to write to its **folder**. A program that holds the old file open goes on
  reading the old text until it opens the file again. A file that is mounted on its own, as containers do it, cannot be replaced:
  mount its folder.
- Where the owner of the file is not the user that runs pawl, the new file must be given to that owner, which only root may do. Pawl
  refuses to write rather than change the owner. Access control lists and extended attributes are not carried over.
- A file with more than one hard link is refused, because the other names would keep the old text.
- Two processes of pawl wait for each other by a lock (flock) on the file. Another program that changes the file meanwhile is noticed
  and makes the write fail with nothing changed.
- A temporary file is called .pawl-*.tmp and lies beside the file. It can only be read by its owner until it is complete. One that a
  killed process left is removed by the next write to the same file.
- What cannot be edited with certainty is refused: a file that does not parse, a key that occurs twice, a YAML alias.
- On systems other than Linux, macOS and the BSDs this driver reads only.
`
