package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestVoltzKeyPairs walks the page "Authentication" of the Merchant API.
func TestVoltzKeyPairs(t *testing.T) {
	t.Parallel()
	w := newWalk(t, "voltz")
	w.open(t, "merchant_42", "voltz")
	pair := func(t *testing.T, environment string) (a answer, auth string) {
		t.Helper()
		a = w.create(t, fmt.Sprintf(`{"name":"checkout %s","environment":%q,"account":"merchant_42"}`, environment, environment))
		return a, basicAuth(a.field("public_key"), a.field("secret_key"))
	}
	live, liveAuth := pair(t, "live")
	test, testAuth := pair(t, "test")

	t.Run("The username is the public key; the password is the secret key", func(t *testing.T) {
		if a := w.me(t, 200, "", "Authorization", liveAuth); a.field("key_id") != live.field("id") || a.field("account") != "merchant_42" {
			t.Errorf("%s", a.raw)
		}
		w.me(t, 401, "api_key_malformed", "Authorization", basicAuth(live.field("secret_key"), live.field("public_key")))
	})
	t.Run("Bearer tokens are not accepted", func(t *testing.T) {
		a := w.me(t, 401, "api_key_malformed", "Authorization", "Bearer "+live.field("secret_key"))
		if !strings.Contains(a.body.Error.Message, "Bearer tokens are not accepted") {
			t.Errorf("said %q", a.body.Error.Message)
		}
	})
	t.Run("There is no other auth scheme. There is no cookie, no session, no signed query parameter", func(t *testing.T) {
		w.me(t, 401, "api_key_malformed", "Authorization", "Digest username=x")
		w.me(t, 401, "api_key_missing", "Cookie", "session="+live.field("secret_key"))
		w.me(t, 401, "api_key_missing", "X-API-Key", live.field("secret_key"))
		w.get(t, "/me?signature=abc", 401, "api_key_missing")
	})
	t.Run("The public key prefix is the environment stamp", func(t *testing.T) {
		for environment, a := range map[string]answer{"live": live, "test": test} {
			if !strings.HasPrefix(a.field("public_key"), "pk_"+environment+"_") || !strings.HasPrefix(a.field("secret_key"), "sk_"+environment+"_") {
				t.Errorf("%s: prefixes of another environment", environment)
			}
		}
	})
	t.Run("The API trusts the key, never the request. No body or query field can override it", func(t *testing.T) {
		for _, path := range []string{"/me", "/me?environment=live", "/me?mode=live&env=live"} {
			if a := w.get(t, path, 200, "", "Authorization", testAuth, "X-Environment", "live"); a.field("environment") != "test" {
				t.Errorf("%s: environment %s", path, a.field("environment"))
			}
		}
		w.decide(t, "environment_mismatch", question{
			"public_key": test.field("public_key"), "secret_key": test.field("secret_key"), "environment": "live",
		})
		// Whose secret is wrong is not told which environment it is in.
		w.decide(t, "api_key_invalid", question{
			"public_key": test.field("public_key"), "secret_key": "sk_test_" + strings.Repeat("0", 32), "environment": "live",
		})
		// The halves of different environments are no pair.
		w.me(t, 401, "api_key_invalid", "Authorization", basicAuth(live.field("public_key"), test.field("secret_key")))
		w.root.must(t, http.StatusUnprocessableEntity, "PATCH", "/v1/keys/"+test.field("id"), `{"environment":"live"}`)
	})
	t.Run("Rotation", func(t *testing.T) { voltzRotation(t, w) })
	t.Run("What never to do", func(t *testing.T) {
		t.Run("Redact to the prefix and last four characters at most", func(t *testing.T) {
			secret := live.field("secret_key")
			listed := w.root.must(t, http.StatusOK, "GET", "/v1/keys?account=merchant_42", "")
			one := w.root.must(t, http.StatusOK, "GET", "/v1/keys/"+live.field("id"), "")
			hides(t, "the list", string(listed.raw), secret)
			hides(t, "the log", w.stderr.String(), secret, test.field("secret_key"))
			if one.field("last4") != secret[len(secret)-4:] || !strings.HasPrefix(live.field("public_key"), one.field("prefix")) {
				t.Errorf("shown as %s and %s", one.field("prefix"), one.field("last4"))
			}
		})
		t.Run("Do not put a key in a URL, a query string", func(t *testing.T) {
			w.get(t, "/me?key="+live.field("secret_key"), 401, "api_key_malformed", "Authorization", liveAuth)
		})
		t.Run("Do not embed a secret key in a frontend bundle", func(t *testing.T) {
			w.me(t, 403, "permission_denied", "Authorization", liveAuth, "Origin", "https://shop.example")
		})
		t.Run("One pair per integration makes revocation surgical", func(t *testing.T) {
			other, otherAuth := pair(t, "live")
			w.root.must(t, http.StatusOK, "DELETE", "/v1/keys/"+other.field("id"), "")
			w.me(t, 401, "api_key_revoked", "Authorization", otherAuth)
			w.me(t, 200, "", "Authorization", liveAuth)
		})
	})
	t.Run("Errors", func(t *testing.T) { voltzErrors(t, w, pair) })
}

// voltzRotation takes the four steps of the page in order.
func voltzRotation(t *testing.T, w *walk) {
	create := `{"name":"orders","environment":"live","account":"merchant_42"}`
	auth := func(a answer) string { return basicAuth(a.field("public_key"), a.field("secret_key")) }
	old := w.create(t, create)
	w.me(t, 200, "", "Authorization", auth(old))

	replacement := w.create(t, create)
	t.Run("Both pairs stay valid until you revoke the old one", func(t *testing.T) {
		w.me(t, 200, "", "Authorization", auth(old))
		w.me(t, 200, "", "Authorization", auth(replacement))
	})
	t.Run("A 200 with the expected environment means the new pair is live", func(t *testing.T) {
		if a := w.me(t, 200, "", "Authorization", auth(replacement)); a.field("environment") != "live" {
			t.Errorf("environment %s", a.field("environment"))
		}
	})
	w.root.must(t, http.StatusOK, "DELETE", "/v1/keys/"+old.field("id")+"?reason=superseded", "")
	t.Run("A revoked key returns 401 api_key_revoked on its next request", func(t *testing.T) {
		w.me(t, 401, "api_key_revoked", "Authorization", auth(old))
		w.me(t, 200, "", "Authorization", auth(replacement))
	})

	// The same without a second key: a rotation renews both halves, under one id.
	rotated := w.root.must(t, http.StatusOK, "POST", "/v1/keys/"+replacement.field("id")+"/rotate", `{"overlap":"1h"}`)
	if rotated.field("public_key") == replacement.field("public_key") || rotated.field("secret_key") == replacement.field("secret_key") {
		t.Error("a rotation renews both halves")
	}
	w.me(t, 200, "", "Authorization", auth(replacement))
	w.me(t, 200, "", "Authorization", auth(rotated))
	w.me(t, 401, "api_key_invalid", "Authorization", basicAuth(rotated.field("public_key"), replacement.field("secret_key")))
	was := w.decide(t, "ok", question{"public_key": replacement.field("public_key"), "secret_key": replacement.field("secret_key")})
	w.root.must(t, http.StatusOK, "POST", "/v1/keys/"+replacement.field("id")+"/cut", fmt.Sprintf(`{"credential":%q}`, was.field("credential")))
	w.me(t, 401, "api_key_revoked", "Authorization", auth(replacement))
	w.me(t, 200, "", "Authorization", auth(rotated))
}

// voltzErrors goes through the table of errors, which is closed: whatever is
// wrong with a key, it is said in one of these five words, each with 401.
func voltzErrors(t *testing.T, w *walk, pair func(*testing.T, string) (answer, string)) {
	good, auth := pair(t, "live")
	id := "/v1/keys/" + good.field("id")
	t.Run("api_key_missing: No Authorization header on the request", func(t *testing.T) {
		w.me(t, 401, "api_key_missing")
	})
	t.Run("api_key_malformed: Header present but not a valid Basic credential pair", func(t *testing.T) {
		for _, value := range []string{"Basic", "Basic ???", basicAuth("", ""), basicAuth("user", "password"), basicAuth(good.field("public_key"), "")} {
			w.me(t, 401, "api_key_malformed", "Authorization", value)
		}
	})
	t.Run("api_key_invalid: Key pair not found or secret mismatch", func(t *testing.T) {
		stranger := newWalk(t, "voltz").create(t, `{"name":"elsewhere","environment":"live"}`)
		w.me(t, 401, "api_key_invalid", "Authorization", basicAuth(stranger.field("public_key"), stranger.field("secret_key")))
		w.me(t, 401, "api_key_invalid", "Authorization", basicAuth(good.field("public_key"), stranger.field("secret_key")))
	})
	t.Run("merchant_inactive: Merchant disabled, soft-deleted, or unreachable", func(t *testing.T) {
		w.root.must(t, http.StatusOK, "POST", "/v1/accounts/merchant_42/suspend", "")
		w.me(t, 401, "merchant_inactive", "Authorization", auth)
		w.root.must(t, http.StatusOK, "POST", "/v1/accounts/merchant_42/resume", "")
		w.me(t, 200, "", "Authorization", auth)
	})
	t.Run("api_key_revoked: Key pair was valid but has been revoked", func(t *testing.T) {
		w.root.must(t, http.StatusOK, "POST", id+"/suspend", "")
		w.me(t, 401, "api_key_revoked", "Authorization", auth) // suspended: the union has no other word
		w.root.must(t, http.StatusOK, "POST", id+"/resume", "")
		w.me(t, 200, "", "Authorization", auth)
		w.root.must(t, http.StatusOK, "DELETE", id, "")
		w.me(t, 401, "api_key_revoked", "Authorization", auth)
	})
	t.Run("merchant_inactive comes before api_key_revoked, and is for good when closed", func(t *testing.T) {
		w.root.must(t, http.StatusOK, "POST", "/v1/accounts/merchant_42/close", "")
		w.me(t, 401, "merchant_inactive", "Authorization", auth)
	})
}
