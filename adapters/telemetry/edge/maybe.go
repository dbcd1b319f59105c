package edge

import (
	"encoding/json"
	"reflect"

	"github.com/keyledger/keyledger/domain/refusal"
)

// Maybe is a field of a change: left out, null, or a value.
type Maybe[T any] struct {
	Set   bool // the field is there
	Null  bool // ... and is null
	Value T
}

// UnmarshalJSON reads the field. encoding/json calls it for null as well.
func (m *Maybe[T]) UnmarshalJSON(raw []byte) error {
	*m = Maybe[T]{Set: true}
	if string(raw) == "null" {
		m.Null = true
		return nil
	}
	if err := json.Unmarshal(raw, &m.Value); err != nil {
		return refusal.Invalid("", "expected %s", kindName(reflect.TypeFor[T]()))
	}
	return nil
}

// Pointer is the value of a field that cannot be null, nil where it was left
// out. name and instead serve the refusal of null.
func (m Maybe[T]) Pointer(name, instead string) (*T, error) {
	switch {
	case !m.Set:
		return nil, nil
	case m.Null:
		return nil, refusal.Invalid(name, "null is not a value here; %s", instead)
	}
	return &m.Value, nil
}
