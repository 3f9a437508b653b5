// The section that this plugin adds to the report.
package main

import "my_plugin/gmr"

func init() {
	gmr.Plugin(gmr.Description{
		Title:   "my_plugin",
		Summary: "One sentence that says what the section shows",
		Version: "0.1.0",
		Wants:   []string{"process", "facts:*"},
	}, render)
}

func render(request gmr.Request) ([]gmr.Block, error) {
	resident, known, err := gmr.Resident()
	if err != nil {
		// What is refused says itself which grant is missing.
		return nil, err
	}
	var fields []gmr.Field
	if known {
		fields = append(fields, gmr.NewField("resident", gmr.Bytes(resident)))
	}
	for _, name := range gmr.FactNames() {
		fact, err := gmr.Fact(name)
		if err != nil {
			return nil, err
		}
		fields = append(fields, fact...)
	}
	return []gmr.Block{gmr.Fields(fields)}, nil
}

// A plugin is called by its exports; Go wants a main function all the same.
func main() {}
