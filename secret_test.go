package keyledger_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/keyledger/keyledger"
)

// TestSecretsDoNotPrint puts a secret, and everything that holds one, through
// every way that the standard library has of turning a value into text.
func TestSecretsDoNotPrint(t *testing.T) {
	client, _ := served(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 201, fmt.Sprintf(`{"success": true, "data": {"id": "key_1", "key": %q, "secret_key": %q}}`, someKey, someKey))
	})
	issued, err := client.CreateKey(t.Context(), keyledger.CreateKey{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if issued.Secret.Reveal() != someKey || issued.SecretKey.Reveal() != someKey || !issued.SecretAvailable {
		t.Fatal("the answer's secret is not there to reveal")
	}
	secret := keyledger.NewSecret(someKey)
	holders := []any{
		secret, &secret,
		[]keyledger.Secret{secret},
		map[string]any{"a": secret},
		issued, *issued, client, *client,
		keyledger.VerifyRequest{Key: secret, SecretKey: secret, Keys: []keyledger.Secret{secret}},
	}
	hidden := someKey[len("wp3_live_sk_") : len(someKey)-4]
	for _, h := range holders {
		var said bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%w"} {
			fmt.Fprintf(&said, verb, h)
		}
		if raw, err := json.Marshal(h); err == nil { // a Client has fields that do not marshal
			said.Write(raw)
		}
		slog.New(slog.NewTextHandler(&said, nil)).Info("said", slog.Any("it", h))
		slog.New(slog.NewJSONHandler(&said, nil)).Info("said", slog.Any("it", h))
		text := said.String()
		if strings.Contains(text, hidden) || strings.Contains(text, fmt.Sprintf("%x", hidden)) || strings.Contains(text, fmt.Sprintf("%X", hidden)) {
			t.Errorf("%T prints its secret", h)
		}
	}
}

func TestRedactedFormShowsPrefixAndLastFourAtMost(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		someKey:                    "wp3_live_sk_…f6t9",
		"sk_live_0123456789":       "[redacted]",
		"0123456789abcdef":         "[redacted]",
		"0123456789abcdefghijklmn": "…klmn",
	} {
		if got := keyledger.NewSecret(text).String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSecretOfAnotherTypeIsNotRepeatedInTheError(t *testing.T) {
	client, _ := served(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 201, fmt.Sprintf(`{"success": true, "data": {"key": [%q]}}`, someKey))
	})
	_, err := client.CreateKey(t.Context(), keyledger.CreateKey{Name: "a"})
	if err == nil || strings.Contains(err.Error(), someKey) {
		t.Errorf("got %v", err)
	}
}

func TestReplayedCreateHasNoSecret(t *testing.T) {
	client, _ := served(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 201, `{"success": true, "data": {"id": "key_1", "key": null, "secret_available": false}}`)
	})
	issued, err := client.CreateKey(t.Context(), keyledger.CreateKey{Name: "a"}, keyledger.IdempotencyKey("x"))
	if err != nil || issued.SecretAvailable || !issued.Secret.IsZero() || issued.ID != "key_1" {
		t.Errorf("got %+v, %v", issued, err)
	}
}
