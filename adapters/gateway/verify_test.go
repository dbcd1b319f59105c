package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/ledger"
)

func TestAskingAboutKeysFromElsewhereNeedsARight(t *testing.T) {
	w := newWorld(t)
	w.Open(t, "own", "ops")
	weak := w.Create(t, ledger.NewKey{Environment: "live"}).Minted.Secret.Reveal()
	may := w.Create(t, ledger.NewKey{Account: "own", Environment: "live", Permissions: []string{"verify"}}).Minted.Secret.Reveal()
	body := `{"key": "` + weak + `"}`
	for name, c := range map[string]struct {
		peer    string
		headers [][2]string
		status  int
	}{
		"this machine":               {"127.0.0.1:9", nil, 200},
		"this machine, IPv6":         {"[::1]:9", nil, 200},
		"elsewhere":                  {"203.0.113.7:9", nil, 401},
		"elsewhere, too weak":        {"203.0.113.7:9", [][2]string{{"X-API-Key", weak}}, 403},
		"elsewhere, with the right":  {"203.0.113.7:9", [][2]string{{"X-API-Key", may}}, 200},
		"elsewhere, root":            {"203.0.113.7:9", [][2]string{{"X-API-Key", w.Root}}, 200},
		"a proxy here":               {"127.0.0.1:9", [][2]string{{"X-Forwarded-For", "203.0.113.7"}}, 401},
		"a proxy here, spoofed":      {"127.0.0.1:9", [][2]string{{"X-Forwarded-For", "127.0.0.1"}}, 401},
		"another kind of proxy here": {"127.0.0.1:9", [][2]string{{"Forwarded", "for=203.0.113.7"}}, 401},
		"a browser here":             {"127.0.0.1:9", [][2]string{{"Origin", "https://evil.example"}}, 401},
	} {
		r := request(t, http.MethodPost, "/v1/verify", body)
		r.RemoteAddr = c.peer
		for _, h := range c.headers {
			r.Header.Add(h[0], h[1])
		}
		if got := ask(t, w.gate.VerifyHandler(), r); got.status != c.status {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.code, c.status)
		}
	}
}

func TestVerifyDecidesOnWhatTheCredentialIsPresentedFor(t *testing.T) {
	w := newWorld(t)
	w.Open(t, "shop", "voltz")
	made := w.Create(t, ledger.NewKey{Environment: "live", Permissions: []string{"onramp:read"}, Allowlist: []string{"10.0.0.0/8"}})
	key := made.Minted.Secret.Reveal()
	pair := w.Create(t, ledger.NewKey{Account: "shop", Environment: "test"}).Minted
	type in map[string]any
	for name, c := range map[string]struct {
		ask  in
		code string
	}{
		"good":             {in{"key": key, "ip": "10.1.1.1"}, "ok"},
		"as a list of one": {in{"keys": []string{key}, "ip": "10.1.1.1"}, "ok"},
		"null is left out": {in{"key": key, "ip": "10.1.1.1", "permissions": nil, "scheme": nil}, "ok"},
		"pair":             {in{"public_key": pair.Public.Reveal(), "secret_key": pair.Secret.Reveal()}, "ok"},
		"nothing":          {in{}, "api_key_missing"},
		"garbage":          {in{"key": "hello"}, "api_key_malformed"},
		"unknown":          {in{"key": foreign(t)}, "api_key_invalid"},
		"address":          {in{"key": key, "ip": "192.0.2.1"}, "ip_not_allowed"},
		"no address":       {in{"key": key}, "ip_not_allowed"},
		"environment":      {in{"key": key, "ip": "10.1.1.1", "environment": "test"}, "environment_mismatch"},
		"permission":       {in{"key": key, "ip": "10.1.1.1", "permissions": []string{"onramp:read"}}, "ok"},
		"permission lacks": {in{"key": key, "ip": "10.1.1.1", "permissions": []string{"onramp:read", "keys:manage"}}, "permission_denied"},
		"endpoint":         {in{"key": key, "ip": "10.1.1.1", "method": "GET", "path": "/v1/onramp/1"}, "ok"},
		"endpoint lacks":   {in{"key": key, "ip": "10.1.1.1", "method": "POST", "path": "/v1/onramp"}, "permission_denied"},
		"scheme":           {in{"key": key, "ip": "10.1.1.1", "scheme": "voltz"}, "api_key_malformed"},
		"position reached": {in{"key": key, "ip": "10.1.1.1", "at_least": made.Position}, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(c.ask)
			if err != nil {
				t.Fatal(err)
			}
			got := ask(t, w.gate.VerifyHandler(), request(t, http.MethodPost, "/v1/verify", string(raw)))
			if got.status != 200 || got.data.Code != c.code || got.data.Valid != (c.code == "ok") {
				t.Errorf("%d %s, want %s", got.status, got.body, c.code)
			}
			if len(got.data.Permissions) > 0 && !got.data.Valid {
				t.Error("tells what a refused key holds")
			}
		})
	}
	got := ask(t, w.gate.VerifyHandler(), request(t, http.MethodPost, "/v1/verify", `{"key":"`+key+`","ip":"10.0.0.1"}`)).data
	if *got.KeyID != made.Key.ID || got.KeyIDs[0] != made.Key.ID || *got.Account != "root" || *got.Environment != "live" ||
		*got.Kind != "key" || got.Permissions[0] != "onramp:read" || *got.Credential != made.Key.Credentials[0].ID || got.Resource != nil {
		t.Errorf("answer %+v", got)
	}
}

func TestABadQuestionIsRefusedByItsCode(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		contentType, body string
		status            int
		code              string
	}{
		"no JSON":            {"application/json", `{"key": `, 400, "invalid_request"},
		"nothing":            {"application/json", ``, 400, "invalid_request"},
		"list":               {"application/json", `[]`, 422, "invalid_request"},
		"unknown field":      {"application/json", `{"kee": "x"}`, 422, "invalid_request"},
		"wrong type":         {"application/json", `{"key": 7}`, 422, "invalid_request"},
		"address":            {"application/json", `{"ip": "300.1.1.1"}`, 422, "invalid_request"},
		"path alone":         {"application/json", `{"path": "/"}`, 422, "invalid_request"},
		"method alone":       {"application/json", `{"method": "GET"}`, 422, "invalid_request"},
		"several keys":       {"application/json", `{"keys": ["a", "b", "c"]}`, 422, "invalid_request"},
		"key and keys":       {"application/json", `{"key": "a", "keys": ["b"]}`, 422, "invalid_request"},
		"many permissions":   {"application/json", `{"permissions": [` + strings.Repeat(`"a",`, 200) + `"a"]}`, 422, "invalid_request"},
		"form":               {"application/x-www-form-urlencoded", `key=x`, 415, "unsupported_media_type"},
		"oversize":           {"application/json", `{"key": "` + strings.Repeat("x", 40<<10) + `"}`, 413, "too_large"},
		"position not there": {"application/json", `{"key": "x", "at_least": 18446744073709551615}`, 503, "verifier_stale"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request(t, http.MethodPost, "/v1/verify", c.body)
			r.Header.Set("Content-Type", c.contentType)
			got := ask(t, w.gate.VerifyHandler(), r)
			if got.status != c.status || got.code != c.code {
				t.Errorf("%d %s, want %d %s", got.status, got.body, c.status, c.code)
			}
			if retry := got.header.Get("Retry-After"); (retry != "") != (c.status == 503) {
				t.Errorf("Retry-After: %q", retry)
			}
		})
	}
}

func TestAnIndexThatHasStoppedSaysSo(t *testing.T) {
	w := newWorld(t)
	key := w.Create(t, ledger.NewKey{Environment: "live"}).Minted.Secret.Reveal()
	if err := w.Verifier.Close(); err != nil {
		t.Fatal(err)
	}
	r := request(t, http.MethodGet, "/me", "")
	r.Header.Set("X-API-Key", key)
	if got := ask(t, w.gate.MeHandler(), r); got.status != 503 || got.code != "verifier_stale" {
		t.Errorf("%d %s", got.status, got.body)
	}
	got := ask(t, w.gate.VerifyHandler(), request(t, http.MethodPost, "/v1/verify", `{"key":"`+key+`"}`))
	if got.status != 503 || got.code != "verifier_stale" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestUseIsTold(t *testing.T) {
	w := newWorld(t)
	made := w.Create(t, ledger.NewKey{Environment: "live"})
	if !w.Used.LastUsed(made.Key.ID).IsZero() {
		t.Fatal("used before it was")
	}
	r := request(t, http.MethodGet, "/me", "")
	r.Header.Set("X-API-Key", made.Minted.Secret.Reveal())
	ask(t, w.gate.MeHandler(), r)
	if used := w.Used.LastUsed(made.Key.ID); time.Since(used) > time.Minute {
		t.Errorf("used at %v", used)
	}
}
