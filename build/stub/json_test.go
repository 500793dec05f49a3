package main

import (
	"reflect"
	"testing"
)

func TestParseJSON(t *testing.T) {
	value, err := parseJSON([]byte(` {"a":[1,-2,true,false,null,"x\n\"\u00e9\ud83d\ude00漢"],"b":{}} `))
	want := map[string]any{"a": []any{int64(1), int64(-2), true, false, nil, "x\n\"é😀漢"}, "b": map[string]any{}}
	if err != nil || !reflect.DeepEqual(value, want) {
		t.Fatalf("%v %v", value, err)
	}
}

func TestParseJSONRefuses(t *testing.T) {
	deep := ""
	for range maxDepth + 1 {
		deep += "["
	}
	for _, text := range []string{"", "{", "[1,]", "{,}", `{"a":1,}`, `{"a":1,"a":2}`, "1.5", "1e3", "--1", "tru", `"\x"`, `"\ud800"`, `"\u12"`, "\"\n\"", "1 2", "\"\xff\"", "99999999999999999999", deep} {
		if value, err := parseJSON([]byte(text)); err == nil {
			t.Errorf("%q gave %v", text, value)
		}
	}
}

func TestQuoteJSONReadsBack(t *testing.T) {
	text := "a\"b\\c\n\x01é漢😀"
	if value, err := parseJSON([]byte(quoteJSON(text))); err != nil || value != text {
		t.Fatalf("%q %v", value, err)
	}
}
