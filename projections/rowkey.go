package projections

import "encoding/binary"

// AppendText appends s to the key of a row so that keys with equal texts stand
// together and no text is the beginning of another: its length first. Rows are
// thus found by the whole text, not listed in its order.
func AppendText(key []byte, s string) []byte {
	return append(binary.AppendUvarint(key, uint64(len(s))), s...)
}

// AppendSequence appends n so that keys are in the order of n.
func AppendSequence(key []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(key, n) }

// LastSequence is the number that ends a key, see [AppendSequence]; 0 for a key
// too short to have one.
func LastSequence(key []byte) uint64 {
	if len(key) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[len(key)-8:])
}

// After is the least key above every key that begins with prefix; nil where
// there is none.
func After(prefix []byte) []byte {
	out := append([]byte(nil), prefix...)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i]++; out[i] != 0 {
			return out[:i+1]
		}
	}
	return nil
}
