package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger"
)

// secretFlags are those of a command that is shown a secret once.
type secretFlags struct {
	file        string
	idempotency string
}

func (s *secretFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.file, "secret-file", "", "write the secret to a new `FILE` that only you can read, instead of showing it")
	cmd.Flags().StringVar(&s.idempotency, "idempotency-key", "", "`TEXT` under which the command takes effect once, however often it is repeated")
}

// issue asks for a new secret and hands it over. The file for it is made first:
// a secret that cannot be kept must not be asked for.
func (a *app) issue(
	s secretFlags,
	ask func(c *keyledger.Client, options []keyledger.Option) (*keyledger.IssuedKey, error),
) (err error) {
	c, err := a.connect()
	if err != nil {
		return err
	}
	var file *os.File
	if s.file != "" {
		if file, err = os.OpenFile(s.file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
			return fmt.Errorf("--secret-file: %w", err)
		}
	}
	var options []keyledger.Option
	if s.idempotency != "" {
		options = append(options, keyledger.IdempotencyKey(s.idempotency))
	}
	key, err := ask(c, options)
	if file != nil {
		err = errors.Join(err, keep(file, key))
	}
	if key == nil {
		return err
	}
	return errors.Join(err, a.printIssued(*key, s.file, err == nil))
}

// keep writes the secret to its file and makes it durable, or removes the file.
func keep(file *os.File, key *keyledger.IssuedKey) error {
	var err error
	written := false
	if key != nil && key.SecretAvailable {
		if _, err = file.WriteString(secretText(*key) + "\n"); err == nil {
			err = file.Sync()
		}
		written = err == nil
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if !written {
		_ = os.Remove(file.Name())
	}
	if err != nil {
		return fmt.Errorf("key %s exists, and its secret could not be written: rotate it with keyledger keys rotate %s: %w", key.ID, key.ID, err)
	}
	return nil
}

// secretText is what a caller presents: the key, or both halves of a pair, one a
// line.
func secretText(k keyledger.IssuedKey) string {
	if k.PublicKey != "" {
		return k.PublicKey + "\n" + k.SecretKey.Reveal()
	}
	return k.Secret.Reveal()
}

// printIssued shows a key with its secret, unless that is in a file.
func (a *app) printIssued(k keyledger.IssuedKey, file string, kept bool) error {
	shown := file == "" && k.SecretAvailable
	var err error
	if a.json() {
		err = a.printJSON(issuedDocument{IssuedKey: k, Shown: shown, File: file})
	} else {
		var first []detail
		if shown && k.PublicKey == "" {
			first = []detail{{"key", k.Secret.Reveal()}}
		} else if k.PublicKey != "" {
			first = []detail{{"public_key", k.PublicKey}}
			if shown {
				first = append(first, detail{"secret_key", k.SecretKey.Reveal()})
			}
		}
		err = a.printKey(k.Key, first...)
	}
	switch {
	case !k.SecretAvailable:
		a.note("An earlier request under the same idempotency key did this, and was shown the secret.\n"+
			"If that is lost, rotate the key: keyledger keys rotate %s", k.ID)
	case shown:
		a.note("This is the only time that the secret is shown. Keep it now; it is stored nowhere.")
	case kept:
		a.note("The secret is in %s and nowhere else.", file)
	}
	return err
}

// issuedDocument is the answer as the server sent it: with the secret in clear
// if it is to be shown, and without it otherwise.
type issuedDocument struct {
	keyledger.IssuedKey
	Shown bool
	File  string
}

// MarshalJSON puts the secret in, or the name of the file that has it.
func (d issuedDocument) MarshalJSON() ([]byte, error) {
	raw, err := json.Marshal(d.IssuedKey)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	for name, secret := range map[string]keyledger.Secret{"key": d.Secret, "secret_key": d.SecretKey} {
		delete(fields, name)
		if d.Shown && !secret.IsZero() {
			fields[name], _ = json.Marshal(secret.Reveal()) // a string always marshals
		}
	}
	if d.File != "" && d.SecretAvailable {
		if fields["secret_file"], err = json.Marshal(d.File); err != nil {
			return nil, err
		}
	}
	return json.Marshal(fields)
}
