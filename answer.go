package keyledger

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// readData takes the data out of an answer of success.
func readData(answer *http.Response, into any) error {
	if !isJSON(answer.Header) {
		return fmt.Errorf("%w: status %d with content type %q; check the server's address",
			ErrProtocol, answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return &wireError{fmt.Errorf("read answer: %w", err)}
	case len(raw) > maxAnswer:
		return fmt.Errorf("%w: more than %d bytes; ask for fewer things at once", ErrProtocol, maxAnswer)
	}
	var envelope struct {
		Success bool            `json:"success"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(raw, &envelope); err != nil || !envelope.Success || envelope.Data == nil {
		return fmt.Errorf("%w: status %d without \"success\" and \"data\"", ErrProtocol, answer.StatusCode)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(envelope.Data, into); err != nil {
		return fmt.Errorf("%w: data: %w", ErrProtocol, err)
	}
	return nil
}

// refusal is the error that an answer other than success stands for.
func refusal(answer *http.Response) error {
	e := &Error{Status: answer.StatusCode}
	e.RetryAfter, e.retry = parseRetryAfter(answer.Header.Get("Retry-After"), answer.Header.Get("Date"))
	var envelope struct {
		Error struct {
			Code      Code   `json:"code"`
			Message   string `json:"message"`
			Field     string `json:"field"`
			RequestID string `json:"request_id"`
			Command   string `json:"command"`
		} `json:"error"`
	}
	// A body that cannot be read is as good as one that is not ours.
	raw, _ := io.ReadAll(io.LimitReader(answer.Body, maxErrorAnswer))
	if json.Unmarshal(raw, &envelope) == nil && envelope.Error.Code != "" {
		said := envelope.Error
		e.Code, e.Message, e.Field = said.Code, said.Message, said.Field
		e.RequestID, e.Command = said.RequestID, said.Command
		return e
	}
	e.Message = "this is not an answer of keyledger; check the server's address"
	if to, err := url.Parse(answer.Header.Get("Location")); err == nil && to.Host != "" && answer.StatusCode < 400 {
		e.Message = fmt.Sprintf("redirects to %s://%s, which is not followed; use that address if it is right", to.Scheme, to.Host)
	}
	return e
}

// mayAgain reports whether the server said that asking again makes sense, within
// a time that the client is willing to wait.
func (e *Error) mayAgain() bool {
	return e.Status == http.StatusServiceUnavailable && e.retry && e.RetryAfter <= MaxRetryAfter
}

// parseRetryAfter reads both forms of the header (RFC 9110, section 10.2.3). A
// date is taken relative to the server's own clock, from its Date header.
func parseRetryAfter(after, date string) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(after, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(after)
	now, errNow := http.ParseTime(date)
	if err != nil || errNow != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}

func isJSON(h http.Header) bool {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && media == "application/json"
}
