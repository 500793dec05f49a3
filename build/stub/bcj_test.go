//go:build linux || windows

package main

import (
	"bytes"
	"encoding/hex"
	"os"
	"testing"
)

// The vectors are written by tests/unit/formats/bcj.test.ts.
func TestUnfilterUndoesTheEncoder(t *testing.T) {
	text, err := os.ReadFile("../../tests/golden/payload/bcj-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := parseJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	vectors := value.([]any)
	if len(vectors) != 2 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for _, vector := range vectors {
		f := fieldsOf(vector)
		raw, _ := hex.DecodeString(f.text("raw"))
		encoded, _ := hex.DecodeString(f.text("encoded"))
		filter := unfilters[f.text("filter")]
		if f.bad || filter == nil || len(raw) == 0 || bytes.Equal(raw, encoded) {
			t.Fatal("a vector that says nothing")
		}
		for chunk := 1; chunk <= len(encoded); chunk = chunk*2 + 1 {
			if got := unfilterInChunks(filter, encoded, chunk); !bytes.Equal(got, raw) {
				t.Fatalf("%s differs in chunks of %d", f.text("filter"), chunk)
			}
		}
	}
}

func unfilterInChunks(filter unfilter, encoded []byte, chunk int) []byte {
	var out, kept []byte
	for at := 0; at < len(encoded); at += chunk {
		end := min(at+chunk, len(encoded))
		kept = append(kept, encoded[at:end]...)
		done := filter(kept, uint32(len(out)), end == len(encoded))
		out = append(out, kept[:done]...)
		kept = append([]byte{}, kept[done:]...)
	}
	return out
}
