package gateway_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/domain/ledger"
)

// RFC 7617, section 2: what stands in the header, and what is made of it. Each
// answer is in the words of voltz, and says nothing of what was presented.
func TestBasicIsReadByItsRFC(t *testing.T) {
	w := presetWorld(t, "voltz")
	pair := w.Create(t, ledger.NewKey{Account: "voltz", Environment: "live"}).Minted
	public, secret := pair.Public.Reveal(), pair.Secret.Reveal()
	other := w.Create(t, ledger.NewKey{Account: "voltz", Environment: "test"}).Minted
	raw := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	good := raw(public + ":" + secret)
	const missing, malformed, invalid = "api_key_missing", "api_key_malformed", "api_key_invalid"
	for name, c := range map[string]struct {
		authorization []string
		more          [2]string // another header
		code          string    // "" is let in
	}{
		"as it should be":             {authorization: []string{"Basic " + good}},
		"lower case":                  {authorization: []string{"basic " + good}},
		"mixed case":                  {authorization: []string{"bAsIC " + good}},
		"several spaces":              {authorization: []string{"Basic   " + good}},
		"no header":                   {code: missing},
		"empty header":                {authorization: []string{""}, code: malformed},
		"only the scheme":             {authorization: []string{"Basic"}, code: malformed},
		"only the scheme and a space": {authorization: []string{"Basic "}, code: malformed},
		"no space":                    {authorization: []string{"Basic" + good}, code: malformed},
		"a tab":                       {authorization: []string{"Basic\t" + good}, code: malformed},
		"empty user":                  {authorization: []string{"Basic " + raw(":"+secret)}, code: malformed},
		"empty password":              {authorization: []string{"Basic " + raw(public+":")}, code: malformed},
		"both empty":                  {authorization: []string{"Basic " + raw(":")}, code: malformed},
		"no colon":                    {authorization: []string{"Basic " + raw(public+secret)}, code: malformed},
		"colon in the password":       {authorization: []string{"Basic " + raw(public+":"+secret+":")}, code: malformed},
		"colon before the password":   {authorization: []string{"Basic " + raw(public+"::"+secret)}, code: malformed},
		"space in the user":           {authorization: []string{"Basic " + raw(public+" :"+secret)}, code: malformed},
		"line break in the password":  {authorization: []string{"Basic " + raw(public+":"+secret+"\n")}, code: malformed},
		"no base64":                   {authorization: []string{"Basic ???"}, code: malformed},
		"base64 of another alphabet":  {authorization: []string{"Basic " + good[:len(good)-2] + "-_"}, code: malformed},
		"base64 without padding":      {authorization: []string{"Basic " + strings.TrimRight(good, "=")}, code: malformed},
		"base64 with stray bits":      {authorization: []string{"Basic " + good[:len(good)-3] + string(good[len(good)-3]+1) + "=="}, code: malformed},
		"base64 cut short":            {authorization: []string{"Basic " + good[:len(good)-3]}, code: malformed},
		"text after it":               {authorization: []string{"Basic " + good + " x"}, code: malformed},
		"in clear":                    {authorization: []string{"Basic " + public + ":" + secret}, code: malformed},
		"swapped":                     {authorization: []string{"Basic " + raw(secret+":"+public)}, code: malformed},
		"public twice":                {authorization: []string{"Basic " + raw(public+":"+public)}, code: malformed},
		"secret of another pair":      {authorization: []string{"Basic " + raw(public+":"+other.Secret.Reveal())}, code: invalid},
		"Bearer":                      {authorization: []string{"Bearer " + secret}, code: malformed},
		"Bearer and the pair":         {authorization: []string{"Bearer " + good}, code: malformed},
		"Digest":                      {authorization: []string{`Digest username="` + public + `"`}, code: malformed},
		"the key alone":               {authorization: []string{secret}, code: malformed},
		"several headers":             {authorization: []string{"Basic " + good, "Bearer x"}, code: malformed},
		"several that agree":          {authorization: []string{"Basic " + good, "Basic " + good}, code: malformed},
		"with a key beside":           {authorization: []string{"Basic " + good}, more: [2]string{"X-API-Key", secret}, code: malformed},
		"with the root key beside":    {authorization: []string{"Basic " + good}, more: [2]string{"X-API-Key", w.Root}, code: malformed},
		"with an empty header beside": {authorization: []string{"Basic " + good}, more: [2]string{"X-API-Key", ""}},
		"in another header":           {more: [2]string{"X-API-Key", secret}, code: missing},
		"in the proxy's header":       {more: [2]string{"Proxy-Authorization", "Basic " + good}, code: missing},
		"in a cookie":                 {more: [2]string{"Cookie", "key=" + secret}, code: missing},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, http.MethodGet, "/me", "")
			r.Header["Authorization"] = c.authorization
			if c.authorization == nil {
				r.Header.Del("Authorization")
			}
			if c.more[0] != "" {
				r.Header.Set(c.more[0], c.more[1])
			}
			got := ask(t, w.gate.MeHandler(), r)
			if got.code != c.code || (got.status == 200) != (c.code == "") || got.status != 200 && got.status != 401 {
				t.Errorf("%d %s, want %q", got.status, got.code, c.code)
			}
			if want := `Basic realm="keyledger", charset="UTF-8"`; got.status == 401 && c.more[1] != w.Root && got.header.Get("WWW-Authenticate") != want {
				t.Errorf("challenge %q", got.header.Get("WWW-Authenticate"))
			}
			if strings.Contains(got.body, secret[8:20]) || strings.Contains(w.log.String(), secret[8:20]) {
				t.Error("the secret is shown")
			}
		})
	}
}

// "Bearer tokens are not accepted" is said to whoever tries.
func TestARefusedWayIsExplainedInTheWordsOfTheScheme(t *testing.T) {
	w := presetWorld(t, "web3pay", "voltz")
	secret := w.Create(t, ledger.NewKey{Account: "voltz", Environment: "live"}).Minted.Secret.Reveal()
	for token, want := range map[string]bool{secret: true, "something": false} {
		r := request(t, http.MethodGet, "/me", "")
		r.Header.Set("Authorization", "bearer "+token)
		got := ask(t, w.gate.MeHandler(), r)
		if got.code != "api_key_malformed" || strings.Contains(got.body, "Bearer tokens are not accepted") != want {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}
