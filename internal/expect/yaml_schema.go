package expect

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON schema (draft 2020-12) of the YAML format, for editors and CI. The slice is the caller's own.
func Schema() []byte { return slices.Clone(schema) }
