package httpapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
)

// securityScheme names, in the document, how a credential is presented.
const securityScheme = "apiKey"

const about = `The management API of a keyledger node.

A success is ` + "`{\"success\": true, \"data\": ...}`" + `, a refusal ` +
	"`{\"success\": false, \"error\": {code, message, field, request_id}}`" + ` with the matching status. ` +
	`A refused request has changed nothing. Times are RFC 3339 in UTC; what is absent is null. ` +
	`A change answers with its position on the ledger; what is read from the same node afterwards has it.

A credential is presented as its scheme says, most often in the header X-API-Key; ` +
	`it must not stand in a URL. What belongs to another account does not exist for the caller.`

// humaConfig is huma with nothing but what is asked for: no documents of its
// own, no links in answers, no other formats.
func (a *api) humaConfig() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	for field, as := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[edge.Maybe[string]]():            reflect.TypeFor[*string](),
		reflect.TypeFor[edge.Maybe[[]string]]():          reflect.TypeFor[[]string](),
		reflect.TypeFor[edge.Maybe[map[string]string]](): reflect.TypeFor[map[string]string](),
		reflect.TypeFor[edge.Maybe[any]]():               reflect.TypeFor[any](),
		// huma describes its own error model for every operation, which translate
		// never lets out.
		reflect.TypeFor[huma.ErrorModel](): reflect.TypeFor[edge.Failure](),
	} {
		registry.RegisterTypeAlias(field, as)
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "keyledger", Version: a.Version, Description: about + codes(),
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{securityScheme: {
					Type: "apiKey", In: "header", Name: "X-API-Key",
					Description: "As the scheme of the key presents it; this is how most do.",
				}},
			},
			Tags: tags(),
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{a.translate},
	}
}

// tags are the groups of operations, in the order to read them in.
func tags() []*huma.Tag {
	var out []*huma.Tag
	for _, name := range []string{tagKeys, tagAccounts, tagSchemes, tagTrail, tagVerification, tagNode} {
		out = append(out, &huma.Tag{Name: name})
	}
	return out
}

// codes lists the closed vocabulary of refusals, by status.
func codes() string {
	var out strings.Builder
	status := 0
	for _, code := range edge.Codes() {
		if s := edge.Status(code); s != status {
			status = s
			fmt.Fprintf(&out, "\n\n%d:", status)
		}
		fmt.Fprintf(&out, " `%s`", code)
	}
	return "\n\nThe codes of a refusal are a closed list; a scheme may have words of its own for those of status 401." + out.String()
}

//go:embed docs.html
var docsPage []byte

// docsPolicy lets the page run what stands in it and nothing else.
const docsPolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// registerDocument serves the document, as it is after everything else has been
// registered, and a page to read it on.
func (a *api) registerDocument() error {
	a.describeRaw("GET", "/v1/openapi.json", tagNode, "This document", "", nil, nil)
	a.describeRaw("GET", "/v1/docs", tagNode, "This document, to be read in a browser", "", nil, nil)
	document, err := document(a.huma)
	if err != nil {
		return err
	}
	a.mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(document) // the caller has gone; there is nobody to tell
	})
	a.mux.HandleFunc("GET /v1/docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", docsPolicy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(docsPage)
	})
	return nil
}

// document is the OpenAPI document, indented, the same for the same program.
func document(api huma.API) ([]byte, error) {
	raw, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("write OpenAPI document: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("write OpenAPI document: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// operationID is the name of a route in the document: "get-v1-me".
func operationID(method, path string) string {
	return strings.ToLower(method) + strings.ReplaceAll(strings.ReplaceAll(path, "/", "-"), ".", "-")
}
