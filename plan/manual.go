package plan

import "github.com/pawlhq/pawl/estate"

// manual tells what a person types or does at an issuer in pawl's place, as the
// issuer's driver has it, with the name that the new credential will carry; ""
// where that says nothing, or not all of it can be filled in.
func (b *builder) manual(s *subject, u estate.Use, act string) string {
	data := estate.ManualData(b.estate.Connections[u.Connection], u, s.Format)
	if s.Name != "" {
		data["name"] = s.Name
	}
	text, err := u.Facts.Manual.Text(act, data)
	if err != nil {
		return ""
	}
	return text
}
