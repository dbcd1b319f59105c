package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Example: "  keyledger version --output json",
		Args:    positional(),
		RunE: a.action(func(context.Context, []string) error {
			v := thisProgram()
			if a.json() {
				return a.printJSON(v)
			}
			return a.printDetails([]detail{{"version", v.Version}, {"commit", v.Commit}, {"built with", v.Go}})
		}),
	}
}

// buildVersion is the version in one word.
func buildVersion() string { return thisProgram().Version }

// programVersion is what the Go toolchain has written into the program.
type programVersion struct {
	Version string `json:"version"`          // "devel" for a build from a working copy
	Commit  string `json:"commit,omitempty"` // "+changed" where files were changed after it
	Go      string `json:"go"`
}

func thisProgram() programVersion {
	v := programVersion{Version: "devel", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	changed := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	if changed && v.Commit != "" {
		v.Commit += "+changed"
	}
	return v
}
