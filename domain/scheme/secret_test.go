package scheme_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/domain/scheme"
)

const (
	canary   = "kl_live_CanaryCanary0123456789abcdefghijklmnopqrstuv123456"
	redacted = "kl_live_CanaryCa…3456"
)

// hidden has secrets where the standard library cannot call their methods.
type hidden struct {
	own     scheme.Secret
	pointer *scheme.Secret
	list    []scheme.Secret
	table   map[string]scheme.Secret
	boxed   any
	minted  scheme.Minted
}

// leaks reports whether text shows the canary, in any usual disguise.
func leaks(text string) bool {
	body := strings.TrimPrefix(canary, "kl_live_")
	for _, form := range []string{
		body, body[20:40], hex.EncodeToString([]byte(body)), strings.ToUpper(hex.EncodeToString([]byte(body))),
		fmt.Sprintf("% x", body), fmt.Sprint([]byte(body)), base64.StdEncoding.EncodeToString([]byte(canary)),
		strings.Trim(fmt.Sprint([]byte(body[20:40])), "[]"), strings.Trim(fmt.Sprintf("%q", []rune(body[20:40])), "[]"),
	} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

func TestASecretDoesNotPrint(t *testing.T) {
	secret := scheme.NewSecret(canary, redacted)
	minted := scheme.Minted{Secret: secret}
	inside := hidden{
		own: secret, pointer: &secret, list: []scheme.Secret{secret}, table: map[string]scheme.Secret{"k": secret},
		boxed: secret, minted: minted,
	}
	values := map[string]any{
		"value": secret, "pointer": &secret, "list": []scheme.Secret{secret}, "array": [1]scheme.Secret{secret},
		"map": map[string]scheme.Secret{"k": secret}, "minted": minted, "pointer to minted": &minted,
		"exported field":   struct{ S scheme.Secret }{secret},
		"unexported field": struct{ s scheme.Secret }{secret},
		"deep inside":      inside, "pointer to deep inside": &inside,
	}
	verbs := []string{
		"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%c", "%U", "%e", "%p", "%T", "%w", "%!", "%z",
		"%10v", "%-80s", "%.2s", "%010d", "%#q", "%+q", "%*d", "%[2]v", "no verb at all",
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		for _, verb := range verbs {
			if text := fmt.Sprintf(verb, value); leaks(text) {
				t.Errorf("%s with %s: %s", name, verb, text)
			}
			if text := fmt.Errorf(verb, value).Error(); leaks(text) {
				t.Errorf("%s in an error with %s: %s", name, verb, text)
			}
		}
		for kind, text := range map[string]string{
			"print": fmt.Sprint(value), "println": fmt.Sprintln("x", value), "append": string(fmt.Append(nil, value)),
			"error": errors.Join(fmt.Errorf("step: %v", value)).Error(), "panic": panicked(value),
			"slog text": logged(slog.NewTextHandler, value), "slog json": logged(slog.NewJSONHandler, value),
			"json": marshalled(json.Marshal, value), "xml": marshalled(xml.Marshal, value), "gob": gobbed(value),
			"template": templated(value),
		} {
			if leaks(text) {
				t.Errorf("%s by %s: %s", name, kind, text)
			}
		}
	}
}

func TestASecretShowsItsRedactedFormOnly(t *testing.T) {
	secret := scheme.NewSecret(canary, redacted)
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v", secret), "%#v": fmt.Sprintf("%#v", secret), "%q": fmt.Sprintf("%q", secret), "%d": fmt.Sprintf("%d", secret),
		"String": secret.String(), "GoString": secret.GoString(), "json": strings.Trim(marshalled(json.Marshal, secret), `"`),
	} {
		if text != redacted {
			t.Errorf("%s: %s", name, text)
		}
	}
	if text := marshalled(json.Marshal, map[scheme.Secret]int{secret: 1}); text != `{"`+redacted+`":1}` {
		t.Errorf("as the key of a map: %s", text)
	}
	if secret.Reveal() != canary {
		t.Error("the one way out is shut")
	}
	var zero scheme.Secret
	if !zero.IsZero() || secret.IsZero() || zero.Reveal() != "" || zero.String() != "" {
		t.Errorf("the zero secret is %q", zero.Reveal())
	}
}

func TestTheSearchForTheCanaryFindsIt(t *testing.T) {
	for _, text := range []string{
		canary, "x" + canary + "x", fmt.Sprintf("%x", canary), fmt.Sprintf("%q", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("% x", canary),
		fmt.Sprint([]byte(canary)), base64.StdEncoding.EncodeToString([]byte(canary)), fmt.Sprintf("%+v", struct{ s string }{canary}),
	} {
		if !leaks(text) {
			t.Errorf("not found in %s", text)
		}
	}
	if leaks(redacted) {
		t.Error("found in the redacted form")
	}
}

func panicked(value any) (text string) {
	defer func() { text = fmt.Sprint(recover(), "\n", string(debug.Stack())) }()
	panic(value)
}

func logged[H slog.Handler](handler func(io.Writer, *slog.HandlerOptions) H, value any) string {
	var out bytes.Buffer
	log := slog.New(handler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	log.Debug("message", slog.Any("value", value), slog.Group("group", slog.Any("inner", value)))
	log.With(slog.Any("before", value)).Info("message", slog.String("text", fmt.Sprint(value)))
	return out.String()
}

func marshalled(marshal func(any) ([]byte, error), value any) string {
	out, err := marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func gobbed(value any) string {
	var out bytes.Buffer
	err := gob.NewEncoder(&out).Encode(value)
	return out.String() + fmt.Sprint(err)
}

func templated(value any) string {
	var out bytes.Buffer
	err := template.Must(template.New("").Parse(`{{.}} <a href="{{.}}"> <script>x = {{.}}</script>`)).Execute(&out, value)
	return out.String() + fmt.Sprint(err)
}
