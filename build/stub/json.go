package main

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The JSON of indexes and launch.json, RFC 8259 with two limits: numbers are
// integers, and nesting ends at maxDepth. encoding/json would do, at the price
// of 0.4 MB in every file that an app ships.

const maxDepth = 16

var errJSON = errors.New("it is not valid JSON")

type jsonParser struct {
	text  []byte
	at    int
	depth int
}

// parseJSON returns nil, bool, int64, string, []any or map[string]any.
func parseJSON(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errJSON
	}
	p := &jsonParser{text: text}
	value, err := p.value()
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at != len(text) {
		return nil, errJSON
	}
	return value, nil
}

func (p *jsonParser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// take consumes one expected byte, after white space.
func (p *jsonParser) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *jsonParser) value() (any, error) {
	p.space()
	if p.at == len(p.text) {
		return nil, errJSON
	}
	switch c := p.text[p.at]; {
	case c == '{':
		return p.object()
	case c == '[':
		return p.array()
	case c == '"':
		return p.str()
	case c == '-' || (c >= '0' && c <= '9'):
		return p.number()
	}
	for word, value := range map[string]any{"true": true, "false": false, "null": nil} {
		if len(p.text)-p.at >= len(word) && string(p.text[p.at:p.at+len(word)]) == word {
			p.at += len(word)
			return value, nil
		}
	}
	return nil, errJSON
}

func (p *jsonParser) enter() error {
	p.at++
	p.depth++
	if p.depth > maxDepth {
		return errJSON
	}
	return nil
}

func (p *jsonParser) object() (any, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	members := map[string]any{}
	for first := true; ; first = false {
		if first && p.take('}') {
			break
		}
		p.space()
		if p.at == len(p.text) || p.text[p.at] != '"' {
			return nil, errJSON
		}
		name, err := p.str()
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice || !p.take(':') {
			return nil, errJSON
		}
		if members[name], err = p.value(); err != nil {
			return nil, err
		}
		if p.take('}') {
			break
		}
		if !p.take(',') {
			return nil, errJSON
		}
	}
	p.depth--
	return members, nil
}

func (p *jsonParser) array() (any, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	items := []any{}
	for first := true; ; first = false {
		if first && p.take(']') {
			break
		}
		item, err := p.value()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if p.take(']') {
			break
		}
		if !p.take(',') {
			return nil, errJSON
		}
	}
	p.depth--
	return items, nil
}

func (p *jsonParser) number() (any, error) {
	start := p.at
	if p.text[p.at] == '-' {
		p.at++
	}
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	number, err := strconv.ParseInt(string(p.text[start:p.at]), 10, 64)
	if err != nil || (p.at < len(p.text) && (p.text[p.at] == '.' || p.text[p.at]|32 == 'e')) {
		return nil, errJSON
	}
	return number, nil
}

func (p *jsonParser) str() (string, error) {
	p.at++
	var out []byte
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == '"':
			return string(out), nil
		case c < ' ':
			return "", errJSON
		case c != '\\':
			out = append(out, c)
		default:
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return "", errJSON
}

func (p *jsonParser) escape() (rune, error) {
	if p.at == len(p.text) {
		return 0, errJSON
	}
	c := p.text[p.at]
	p.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r, err := p.hex4()
		if err != nil || !utf16.IsSurrogate(r) {
			return r, err
		}
		if p.at+2 > len(p.text) || p.text[p.at] != '\\' || p.text[p.at+1] != 'u' {
			return 0, errJSON
		}
		p.at += 2
		low, err := p.hex4()
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return 0, errJSON
		}
		return r, nil
	}
	return 0, errJSON
}

func (p *jsonParser) hex4() (rune, error) {
	if p.at+4 > len(p.text) {
		return 0, errJSON
	}
	number, err := strconv.ParseUint(string(p.text[p.at:p.at+4]), 16, 16)
	p.at += 4
	if err != nil {
		return 0, errJSON
	}
	return rune(number), nil
}

// fields reads the members of one JSON object and remembers whether one was
// missing or of another type, so that a caller checks once.
type fields struct {
	members map[string]any
	bad     bool
}

func fieldsOf(value any) *fields {
	members, ok := value.(map[string]any)
	return &fields{members: members, bad: !ok}
}

func (f *fields) text(name string) string {
	value, ok := f.members[name].(string)
	f.bad = f.bad || !ok
	return value
}

// count is a number from 0 to 2^53, the range in which every JSON reader agrees.
func (f *fields) count(name string) int64 {
	value, ok := f.members[name].(int64)
	f.bad = f.bad || !ok || value < 0 || value > 1<<53
	return value
}

func (f *fields) list(name string) []any {
	value, ok := f.members[name].([]any)
	f.bad = f.bad || !ok
	return value
}

func (f *fields) object(name string) *fields {
	inner := fieldsOf(f.members[name])
	f.bad = f.bad || inner.bad
	return inner
}

func (f *fields) texts(name string) []string {
	var out []string
	for _, item := range f.list(name) {
		value, ok := item.(string)
		f.bad = f.bad || !ok
		out = append(out, value)
	}
	return out
}

// textMap reads an object whose every member is a string.
func (f *fields) textMap(name string) map[string]string {
	out := map[string]string{}
	inner := f.object(name)
	for key := range inner.members {
		out[key] = inner.text(key)
	}
	f.bad = f.bad || inner.bad
	return out
}

// quoteJSON writes a string as JSON.
func quoteJSON(text string) string {
	out := []byte{'"'}
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r < ' ':
			out = append(out, "\\u00"...)
			out = append(out, "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return string(append(out, '"'))
}
