package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// What a key has done to others is in its history, and is not its revision to a
// reader.
func TestTheRevisionThatACallerHasReadIsOfTheKeyItself(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	read, _, _ := n.view.Key(w.manager)
	other := n.key("read").ID
	n.mustChange(w.manager, other, apikey.Change{Permissions: &[]string{"read", "write"}})
	now, _, _ := n.view.Key(w.manager)
	if now.Revision == read.Revision || now.Changed != read.Changed {
		t.Fatalf("revision %d of %d, and %d of %d", now.Changed, now.Revision, read.Changed, read.Revision)
	}
	for _, c := range []struct {
		ifMatch uint64
		code    string
	}{{now.Revision, "revision_mismatch"}, {read.Changed, ""}, {read.Changed, "revision_mismatch"}, {0, ""}} {
		_, err := n.ChangeKey(t.Context(), w.by(w.root), w.manager, apikey.Change{Name: to(fmt.Sprint("name ", w.serial.Load()))}, c.ifMatch)
		if code(err) != c.code {
			t.Errorf("if at %d: %v, want %q", c.ifMatch, err, c.code)
		}
	}
}

func TestTheWholeLifeOfAKey(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	by := w.by(w.manager)
	by.Reason = "new service"
	issued, err := n.CreateKey(t.Context(), by, ledger.NewKey{Environment: "live", Name: "checkout", Permissions: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	id := issued.Key.ID
	text, err := scheme.ParseText(issued.Minted.Secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	c := issued.Key.Credentials[0]
	if !scheme.Matches(c.Alg, c.Salt, c.Hash, text.Locator, text.Secret) || c.Locator != text.Locator {
		t.Error("the secret that was shown is not the one that is stored")
	}
	changed := n.mustChange(w.manager, id, apikey.Change{Permissions: &[]string{"read", "write"}})
	rotated, err := n.RotateKey(t.Context(), w.by(w.manager), id, apikey.Rotate{Overlap: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if rotated.Minted.Secret.IsZero() || len(rotated.Key.Credentials) != 2 {
		t.Errorf("rotated to %+v", rotated.Key)
	}
	cut, err := n.CutCredential(t.Context(), w.by(w.manager), id, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	suspended, err := n.SuspendKey(t.Context(), w.by(w.manager), id)
	if err != nil {
		t.Fatal(err)
	}
	resumed, err := n.ResumeKey(t.Context(), w.by(w.manager), id)
	if err != nil {
		t.Fatal(err)
	}
	revoked := n.mustRevoke(w.manager, id)

	// Every answer tells the position of its own last event.
	var got []string
	all := w.events()
	for _, out := range []ledger.Outcome{
		issued.Outcome, changed.Outcome, rotated.Outcome, cut.Outcome, suspended.Outcome, resumed.Outcome, revoked.Outcome,
	} {
		last := all[out.Position-1]
		if last.Command != out.Command || !out.Changed || !out.Applied || out.Replayed != nil {
			t.Errorf("%+v, at that position stands %s of %s", out, last.Data.Type(), last.Command)
		}
		line := ""
		for _, r := range all {
			if r.Command == out.Command {
				name, _ := events.EventName(r.Data.Type())
				line += name + " "
			}
		}
		got = append(got, line)
	}
	want := []string{
		"created ", "permissions_changed accepted ", "rotated accepted ", "credential_cut ", "suspended ", "resumed accepted ", "revoked ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{w.manager, "new service", by.Request}, []string{all[issued.Position-1].Actor, all[issued.Position-1].Reason, all[issued.Position-1].Request}); diff != "" {
		t.Error(diff)
	}
	if key, _, _ := w.node().view.Key(id); key.Status(w.clock.Now()) != apikey.StatusRevoked {
		t.Errorf("the key is %s", key.Status(w.clock.Now()))
	}
	w.sane()
}
