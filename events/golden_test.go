package events_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/events"
)

// shipped pins the bytes of every golden file. A line is added with a new file.
// No line is ever changed: events as they stand in these files are on ledgers
// that exist, and every later build must read them and mean the same by them.
var shipped = map[string]string{
	"keyledger.account.closed.v1.json":               "8b43b6eec989d153780c01388c9ac6876dd87f0b69a24948fcda47852f4c2059",
	"keyledger.account.opened.v1.json":               "fef8f7290753483d8ecdb4254eb3edfefe5c50c99b7ed82539a343c2b36ed053",
	"keyledger.account.resumed.v1.json":              "be68f0fc1a5d671c7050aea7bd68d884a01f37b079c817a42935f9d726a7d1b8",
	"keyledger.account.suspended.v1.json":            "24b537dc52f49972307a803b3632c92159610fee8a1aba80a91d6a03ce7fb121",
	"keyledger.command.accepted.v1.json":             "98752be4015e167f7a5c4b6b3b0418babf23a998ac48fa52ae555ea29e87cadf",
	"keyledger.key.allowlist_changed.v1.any.json":    "5e55e198368c039f9552b9d830a920383a424290a5338d35d3772c8614b5a377",
	"keyledger.key.allowlist_changed.v1.json":        "1e381d5a4634ae138457ff3abdde8ae097fbd95f3cb131a16411786eb6d9299a",
	"keyledger.key.created.v1.json":                  "e6431b4978839f27a668173d96d6cf05ca14230710a0ffa630619db443b4d3bd",
	"keyledger.key.created.v1.minimal.json":          "b8aae8ed3ad38ac504b6a4d9f3c1af305f12ebbcf2b93b4d72283ee37c32bfb5",
	"keyledger.key.credential_cut.v1.json":           "e0812efd18fa9350a66a94c80c3c7750f3db315815e78a0e24a3ef4644ea29b7",
	"keyledger.key.details_changed.v1.json":          "988c6a8560570305092138e1aee9806988f1f35d5842bbd1c0f7a3a2b758f245",
	"keyledger.key.expiry_changed.v1.json":           "d256023039d032fa1a3edf765aeeff37c59fa7a98ffca35ba28d8a310d33d548",
	"keyledger.key.expiry_changed.v1.never.json":     "ca81a73dfce912427ef076fba15d3942bb5542306fa24a7be3cd2f4d72d39d74",
	"keyledger.key.overlap_changed.v1.json":          "05d0332b493f04da7c81921af68ece6e60e99a065776a09b3597dd6895ffc28e",
	"keyledger.key.permissions_changed.v1.json":      "b639d05dbcb3792a2b90fa02401d79b91175a25df5dc847ec2e93d0939606a2a",
	"keyledger.key.resumed.v1.json":                  "6fdc46bf4d6e5f716ac8de5c539ab914db1558d3b62ac4b39d82487e4129a0b0",
	"keyledger.key.revoked.v1.json":                  "412e7edb386a2df4f40e351f3ddd5e2483851d0a3d8a6c72787594eb2ec18a71",
	"keyledger.key.rotated.v1.cut_on_first_use.json": "9d4e84d1828d39aaaa874eb42afacf620c358d8cda83d00725d34002c76db027",
	"keyledger.key.rotated.v1.json":                  "01c0e2668ef56ebb70c7a88aae1f9beed04550dea3f4414aadf158f391abbdce",
	"keyledger.key.suspended.v1.json":                "2b70ee2cda773d9d1ac53837c582da995403e79c324ed53e1dcde645504c5035",
	"keyledger.ledger.restored.v1.json":              "e8a507bbef21ec9525ce0da8135399d56697b5872139ab6132ec77c20f2f9877",
	"keyledger.scheme.applied.v1.json":               "e466213b38c9459da37f464d0082b6199fda43a7bc43a3a70492ac871fdc4e19",
	"keyledger.ledger.opened.v1.json":                "da731125d8f910588408a5edb76e3762dfee75e91faff52d7653a4c8d58e5650",
}

const goldenDir = "testdata/v1"

// golden returns the payload of every golden file by file name.
func golden(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(goldenDir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	all := make(map[string][]byte, len(files))
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		payload, ok := bytes.CutSuffix(line, []byte("\n"))
		if !ok {
			t.Errorf("%s does not end its line", file)
		}
		all[filepath.Base(file)] = payload
	}
	return all
}

func TestNoShippedGoldenFileIsEditedOrRemoved(t *testing.T) {
	all := golden(t)
	for name, payload := range all {
		sum := sha256.Sum256(append(bytes.Clone(payload), '\n'))
		if got, want := hex.EncodeToString(sum[:]), shipped[name]; got != want {
			t.Errorf("%s has checksum %s, shipped was %q", name, got, want)
		}
	}
	for name := range shipped {
		if _, ok := all[name]; !ok {
			t.Errorf("%s is gone", name)
		}
	}
}

func TestGoldenFilesDecodeAndEncodeToTheSameBytes(t *testing.T) {
	for name, payload := range golden(t) {
		e, err := events.Decode(payload)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, unknown := e.Data.(events.Unknown); unknown {
			t.Errorf("%s: type %s is not known", name, e.Data.Type())
		}
		if !strings.HasPrefix(name, e.Data.Type()+".") {
			t.Errorf("%s holds a %s", name, e.Data.Type())
		}
		got, err := events.Encode(e)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(got, payload) {
			t.Errorf("%s: encodes to\n%s\nwant\n%s", name, got, payload)
		}
	}
}

// TestGoldenFilesReadAsTheirJSONSays reads them as a program does that knows
// nothing of this package.
func TestGoldenFilesReadAsTheirJSONSays(t *testing.T) {
	for name, payload := range golden(t) {
		e, err := events.Decode(payload)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var plain map[string]any
		if err := json.Unmarshal(payload, &plain); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for attribute, want := range map[string]any{
			"specversion": "1.0", "datacontenttype": "application/json",
			"id": e.ID, "source": e.Source, "type": e.Data.Type(), "subject": e.Entity.Ref(),
			"environment": e.Entity.Environment, "account": e.Entity.Account, "actor": e.Actor, "command": e.Command,
			"commandindex": float64(e.Index), "commandcount": float64(e.Count), "revision": float64(e.Revision),
		} {
			if plain[attribute] != want {
				t.Errorf("%s: %s is %v, decoded as %v", name, attribute, plain[attribute], want)
			}
		}
		for attribute := range plain {
			if attribute != strings.ToLower(attribute) || len(attribute) > 20 {
				t.Errorf("%s: attribute %q is not one of CloudEvents", name, attribute)
			}
		}
	}
}

func TestEveryEventHasAGoldenFileAndEveryFieldIsSetInOne(t *testing.T) {
	var all []any
	for name, payload := range golden(t) {
		e, err := events.Decode(payload)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		all = append(all, e, e.Data)
	}
	seen := make(map[string]bool)
	for _, v := range all {
		seen[reflect.TypeOf(v).Name()] = true
	}
	for _, name := range sealedTypes(t) {
		if !seen[name] && name != "Unknown" {
			t.Errorf("no golden file of %s", name)
		}
	}
	for _, missing := range unset(all...) {
		t.Errorf("no golden file sets %s", missing)
	}
}

// sealedTypes returns the names of the types that are an [events.Event],
// without anyone having to list them here.
func sealedTypes(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "sealed" && f.Recv != nil {
			names = append(names, f.Recv.List[0].Type.(*ast.Ident).Name)
		}
	}
	if len(names) < 2 {
		t.Fatalf("found only %v in event.go", names)
	}
	return names
}

// unset returns the fields, as Type.Field, that are zero in all of the values.
func unset(values ...any) []string {
	set, fields := make(map[string]bool), make(map[string]bool)
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		if v.Kind() != reflect.Struct || v.Type().PkgPath() != reflect.TypeFor[events.Envelope]().PkgPath() {
			return
		}
		for i := range v.NumField() {
			name := v.Type().Name() + "." + v.Type().Field(i).Name
			fields[name] = true
			set[name] = set[name] || !v.Field(i).IsZero()
			visit(v.Field(i))
		}
	}
	for _, v := range values {
		visit(reflect.ValueOf(v))
	}
	var missing []string
	for name := range fields {
		if !set[name] {
			missing = append(missing, name)
		}
	}
	return missing
}

func TestAFieldThatNoGoldenFileSetsIsNoticed(t *testing.T) {
	got := unset(events.KeyRotated{Replaces: "crd_1", CutOnFirstUse: true, GraceSeconds: 1}, events.KeyRotated{Replaces: "crd_1"})
	if want := "KeyRotated.EndsAt"; !slices.Contains(got, want) || slices.Contains(got, "KeyRotated.Replaces") {
		t.Errorf("unset are %v, want %s among them and not KeyRotated.Replaces", got, want)
	}
}
