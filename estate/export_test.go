package estate

// ParseWhole is Parse that lets pass what no plan acts on yet.
func ParseWhole(file string, data []byte, c Catalog) (*Estate, error) {
	d := newDecoder(file, c)
	d.whole = true
	return d.parse(data)
}
