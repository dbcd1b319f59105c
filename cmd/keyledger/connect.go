package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/keyledger/keyledger"
)

// maxKeyFile bounds what is read of a key file, in bytes: a key has fewer than a
// hundred.
const maxKeyFile = 4 << 10

// connect is a client that presents the caller's key.
func (a *app) connect() (*keyledger.Client, error) {
	key, err := a.key()
	if err != nil {
		return nil, err
	}
	if key == "" {
		return nil, &exitError{
			status: exitUsage, err: errors.New("no key to present"),
			hint: "name the file that holds it with --key-file FILE or KEYLEDGER_KEY_FILE, or set KEYLEDGER_KEY;\n" +
				"  the first start of a server leaves its root key in DIR/root.key",
		}
	}
	return a.dial(key), nil
}

func (a *app) dial(key string) *keyledger.Client {
	c := keyledger.NewClient(a.globals.server, key)
	c.UserAgent = "keyledger-cli"
	return c
}

// key is the secret to present, "" if none is named. --key-file goes before the
// environment, which goes before the settings file.
func (a *app) key() (string, error) {
	inEnv, ok := a.env("KEYLEDGER_KEY")
	if ok && !a.keyFileGiven {
		if _, both := a.env("KEYLEDGER_KEY_FILE"); both {
			return "", usageError("KEYLEDGER_KEY and KEYLEDGER_KEY_FILE are both set: unset one")
		}
		return strings.TrimSpace(inEnv), nil
	}
	switch a.globals.keyFile {
	case "":
		return "", nil
	case "-":
		key, err := readSecret(a.stdin)
		if err != nil {
			return "", fmt.Errorf("key on standard input: %w", err)
		}
		return key, nil
	}
	f, err := os.Open(a.globals.keyFile)
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	defer func() { _ = f.Close() }()
	key, err := readSecret(f)
	if err != nil {
		return "", fmt.Errorf("key file %s: %w", a.globals.keyFile, err)
	}
	return key, nil
}

// keySource says where the key came from, without saying the key.
func (a *app) keySource() string {
	_, inEnv := a.env("KEYLEDGER_KEY")
	switch {
	case inEnv && !a.keyFileGiven:
		return "KEYLEDGER_KEY"
	case a.globals.keyFile == "-":
		return "standard input"
	case a.globals.keyFile != "":
		return a.globals.keyFile
	default:
		return "nowhere: name one with --key-file"
	}
}

// readSecret reads one line that is all there is.
func readSecret(r io.Reader) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	text := strings.TrimSpace(string(raw))
	switch {
	case err != nil:
		return "", err
	case len(raw) > maxKeyFile:
		return "", fmt.Errorf("more than %d bytes: not a key", maxKeyFile)
	case text == "":
		return "", errors.New("empty")
	case strings.ContainsAny(text, " \t\r\n"):
		return "", errors.New("more than one word: want the key and nothing else")
	}
	return text, nil
}
