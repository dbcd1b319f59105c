package scheme

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

//go:embed presets/*.yaml
var presets embed.FS

// Preset returns the YAML of a scheme that comes with keyledger.
func Preset(name string) ([]byte, bool) {
	data, err := presets.ReadFile(path.Join("presets", path.Base(name)+".yaml"))
	return data, err == nil
}

// Presets lists the names of the schemes that come with keyledger.
func Presets() []string {
	files, _ := fs.Glob(presets, "presets/*.yaml")
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(path.Base(f), ".yaml")
	}
	return names
}
