package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/domain/ledger"
)

// BenchmarkVerify compares POST /v1/verify with a handler that reads the body
// and answers as many bytes.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	made := w.Create(b, ledger.NewKey{Environment: "live", Permissions: []string{"onramp:create", "onramp:read", "transactions:read"}})
	body := `{"key":"` + made.Minted.Secret.Reveal() + `","permissions":["onramp:create"]}`
	said := ask(b, w.gate.VerifyHandler(), request(b, http.MethodPost, "/v1/verify", body)).body
	for name, h := range map[string]http.Handler{
		"verify": w.gate.VerifyHandler(),
		"bare": http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			out.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(out, said)
		}),
	} {
		b.Run("handler/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := request(b, http.MethodPost, "/v1/verify", body)
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
		b.Run("http/"+name, func(b *testing.B) {
			server := httptest.NewServer(h)
			defer server.Close()
			b.ReportAllocs()
			for b.Loop() {
				res, err := http.Post(server.URL+"/v1/verify", "application/json", strings.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				if res.Body.Close(); res.StatusCode != 200 {
					b.Fatal(res.Status)
				}
			}
		})
	}
}
