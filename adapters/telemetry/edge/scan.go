package edge

import (
	"github.com/keyledger/keyledger/domain/refusal"
)

// What follows walks over JSON that json.Valid has found to be valid; it takes
// the shape for granted and never looks at a value.

// eachMember calls visit with every member of an object, in order. The value is
// a part of object.
func eachMember(object []byte, visit func(name string, value []byte) error) error {
	for at := skipSpace(object, 1); object[at] != '}'; {
		end := endOfValue(object, at)
		name, err := unquote(object[at:end])
		if err != nil {
			return err
		}
		at = skipSpace(object, end) + 1 // the colon
		at = skipSpace(object, at)
		end = endOfValue(object, at)
		if err := visit(name, object[at:end]); err != nil {
			return err
		}
		if at = skipSpace(object, end); object[at] == ',' {
			at = skipSpace(object, at+1)
		}
	}
	return nil
}

// eachElement calls visit with every element of a list, in order.
func eachElement(list []byte, visit func(value []byte) error) error {
	for at := skipSpace(list, 1); list[at] != ']'; {
		end := endOfValue(list, at)
		if err := visit(list[at:end]); err != nil {
			return err
		}
		if at = skipSpace(list, end); list[at] == ',' {
			at = skipSpace(list, at+1)
		}
	}
	return nil
}

// checkNames refuses a value in which an object has a name twice, or that is
// nested too deeply.
func checkNames(value []byte, depth int) error {
	if depth > maxDepth {
		return syntaxError("the body is nested too deeply")
	}
	switch value[0] {
	case '[':
		return eachElement(value, func(element []byte) error { return checkNames(element, depth+1) })
	case '{':
		seen := make(map[string]bool, 8)
		return eachMember(value, func(name string, member []byte) error {
			if seen[name] {
				return refusal.Invalid(ShownName(name), "the field stands twice in one object")
			}
			seen[name] = true
			return checkNames(member, depth+1)
		})
	}
	return nil
}

func skipSpace(text []byte, at int) int {
	for text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t' {
		at++
	}
	return at
}

// endOfValue is where the value that begins at at ends.
func endOfValue(text []byte, at int) int {
	switch text[at] {
	case '"':
		return endOfString(text, at)
	case '{', '[':
		for open := 0; ; at++ {
			switch text[at] {
			case '"':
				at = endOfString(text, at) - 1
			case '{', '[':
				open++
			case '}', ']':
				if open--; open == 0 {
					return at + 1
				}
			}
		}
	}
	for at < len(text) && text[at] != ',' && text[at] != '}' && text[at] != ']' && text[at] > ' ' {
		at++
	}
	return at
}

func endOfString(text []byte, at int) int {
	for at++; text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// unquote is the text of a JSON string.
func unquote(quoted []byte) (string, error) {
	var text string
	err := decodeInto(quoted, &text)
	return text, err
}
