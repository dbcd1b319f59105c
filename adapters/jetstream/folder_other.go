//go:build !unix

package jetstream

import (
	"errors"
	"os"
)

// The embedded broker needs folders that can be locked and synced. Elsewhere
// the ledger runs on an external broker.
var errNoFolders = errors.New("the embedded broker needs a unix system; use an external broker")

func lockFolder(string) (*os.File, error) { return nil, errNoFolders }

func storeLimit(string) (int64, error) { return 0, errNoFolders }
