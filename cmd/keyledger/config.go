package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// A setting is a flag that the environment and the settings file may give as
// well: flags override the environment, which overrides the file. The flag --data
// of serve is KEYLEDGER_DATA in the environment and serve.data in the file; flags
// that every command has stand at the top of the file:
//
//	server: http://127.0.0.1:8080
//	key-file: /etc/keyledger/ops.key
//	serve:
//	  data: /var/lib/keyledger
//	  scheme: [web3pay]

// maxConfig bounds a settings file, in bytes.
const maxConfig = 1 << 20

const isSetting = "keyledger_setting"

// configurable makes the flags that are in the set now into settings.
func configurable(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		f.Usage += " (env " + envName(f.Name) + ")"
		if f.Annotations == nil {
			f.Annotations = map[string][]string{}
		}
		f.Annotations[isSetting] = nil
	})
}

func envName(flag string) string {
	return "KEYLEDGER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// settings lists the settings among flags, by name.
func settings(flags *pflag.FlagSet) map[string]*pflag.Flag {
	out := map[string]*pflag.Flag{}
	flags.VisitAll(func(f *pflag.Flag) {
		if _, ok := f.Annotations[isSetting]; ok {
			out[f.Name] = f
		}
	})
	return out
}

// env is a variable of the environment. An empty one counts as not set.
func (a *app) env(name string) (string, bool) {
	value, _ := a.lookupEnv(name)
	return value, value != ""
}

// configure gives every setting of cmd that the command line does not give its
// value from the environment or the settings file.
func (a *app) configure(cmd *cobra.Command) error {
	a.keyFileGiven = cmd.Flags().Changed("key-file")
	for name, flag := range settings(cmd.Flags()) {
		value, ok := a.env(envName(name))
		if !ok || flag.Changed {
			continue
		}
		if err := cmd.Flags().Set(name, value); err != nil {
			return fmt.Errorf("%s: %w", envName(name), err)
		}
	}
	path := a.globals.config
	if inEnv, ok := a.env("KEYLEDGER_CONFIG"); ok && path == "" {
		path = inEnv
	}
	if path == "" {
		return nil
	}
	if err := configureFrom(path, cmd); err != nil {
		return fmt.Errorf("settings file %s%w", path, err)
	}
	return nil
}

// configureFrom reads a settings file. All of it is checked, also what is about
// other commands than cmd: a mistake must not wait for its day. Its errors begin
// with the line, ":3: ...", to stand after the name of the file.
func configureFrom(path string, cmd *cobra.Command) error {
	top, err := readConfig(path)
	if err != nil {
		return err
	}
	shared := settings(cmd.Root().PersistentFlags())
	sections := map[string]*cobra.Command{}
	for _, c := range cmd.Root().Commands() {
		if len(settings(c.LocalNonPersistentFlags())) > 0 {
			sections[c.Name()] = c
		}
	}
	for _, e := range top {
		name := e.key.Value
		switch section, isSection := sections[name]; {
		case isSection:
			err = configureSection(e.value, section, section == cmd)
		case shared[name] != nil:
			err = setFrom(shared[name], e, true)
		default:
			known := slices.Concat(slices.Collect(maps.Keys(shared)), slices.Collect(maps.Keys(sections)))
			err = unknownKey(e.key, known)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// configureSection reads what is about one command, and applies it if that is
// the one that runs.
func configureSection(value *yaml.Node, section *cobra.Command, runs bool) error {
	entries, err := mapping(value)
	if err != nil {
		return err
	}
	known := settings(section.LocalNonPersistentFlags())
	for _, e := range entries {
		if flag := known[e.key.Value]; flag != nil {
			err = setFrom(flag, e, runs)
		} else {
			err = unknownKey(e.key, slices.Collect(maps.Keys(known)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func unknownKey(key *yaml.Node, known []string) error {
	slices.Sort(known)
	return fmt.Errorf(":%d: unknown key %q, want one of %s", key.Line, key.Value, strings.Join(known, ", "))
}

// setFrom gives a flag the value of an entry, if the command that it is about
// runs, and the flag has no value yet.
func setFrom(flag *pflag.Flag, e entry, runs bool) error {
	values := []*yaml.Node{e.value}
	if e.value.Kind == yaml.SequenceNode {
		if _, ok := flag.Value.(pflag.SliceValue); !ok {
			return fmt.Errorf(":%d: %s: want one value, not a list", e.key.Line, flag.Name)
		}
		values = e.value.Content
	}
	for _, v := range values {
		if v.Kind != yaml.ScalarNode || v.Tag == tagNull {
			return fmt.Errorf(":%d: %s: want a value", v.Line, flag.Name)
		}
	}
	if flag.Changed || !runs {
		return nil
	}
	for _, v := range values {
		if err := flag.Value.Set(v.Value); err != nil {
			return fmt.Errorf(":%d: %s: %w", v.Line, flag.Name, err)
		}
	}
	return nil
}

// readConfig reads the top of a settings file.
func readConfig(path string) ([]entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf(": %w", errors.Unwrap(err)) // without the path, which stands before
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf(": %w", err)
	case len(raw) > maxConfig:
		return nil, fmt.Errorf(": more than %d bytes", maxConfig)
	}
	var document yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil // empty
	} else if err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New(": more than one document")
	}
	return mapping(document.Content[0])
}

// entry is one "key: value" of a mapping.
type entry struct{ key, value *yaml.Node }

// mapping is the entries of a node that must be a mapping, each key once.
func mapping(n *yaml.Node) ([]entry, error) {
	if n.Kind == yaml.ScalarNode && n.Tag == tagNull {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf(":%d: want \"name: value\" lines", n.Line)
	}
	var out []entry
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf(":%d: want a name before the colon", key.Line)
		}
		if seen[key.Value] {
			return nil, fmt.Errorf(":%d: %q is there twice", key.Line, key.Value)
		}
		seen[key.Value] = true
		out = append(out, entry{key, n.Content[i+1]})
	}
	return out, nil
}
