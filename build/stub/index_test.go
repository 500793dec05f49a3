//go:build linux || windows

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

var digest = strings.Repeat("0", 64)

const frameJSON = `{"offset":4,"length":4,"rawLength":10,"filter":"none","sha256":"%s"}`

func indexJSON(change func(string) string) []byte {
	frame := fmt.Sprintf(frameJSON, digest)
	entry := `{"type":"file","path":"bin/a","mode":493,"size":10,"sha256":"` + digest + `","slices":[{"frame":0,"offset":0,"length":10}]}`
	text := `{"v":1,"app":{"name":"N","slug":"n","identifier":"dev.example.n","version":"1"},"id":"0123456789abcdef",` +
		`"launch":{"executable":"bin/a","args":[],"cwd":"","env":{}},"requirements":[],"frames":[` + frame + `],` +
		`"entries":[{"type":"folder","path":"bin"},` + entry + `,{"type":"link","path":"bin/l","target":"a"}]}`
	return []byte(change(text))
}

func wholeFile(text []byte) []byte {
	file := append([]byte("stubfram"), text...)
	footer := make([]byte, footerBytes)
	copy(footer, footerMagic)
	binary.LittleEndian.PutUint64(footer[8:], 8)
	binary.LittleEndian.PutUint64(footer[16:], uint64(len(text)))
	sum := sha256.Sum256(text)
	copy(footer[24:], sum[:])
	return append(file, footer...)
}

func read(file []byte) (*index, error) {
	return readIndex(bytes.NewReader(file), int64(len(file)))
}

func same(text string) string { return text }

func TestReadIndex(t *testing.T) {
	for _, appended := range []string{"", "ERTHPAY1", strings.Repeat("signature ", 5000)} {
		ix, err := read(append(wholeFile(indexJSON(same)), appended...))
		if err != nil || ix == nil || ix.unpackedBytes != 10 || len(ix.frames[0].targets) != 1 {
			t.Fatalf("%v %v", ix, err)
		}
	}
}

func TestReadIndexOfEveryCutFile(t *testing.T) {
	file := wholeFile(indexJSON(same))
	for length := range file {
		if ix, err := read(file[:length]); ix != nil {
			t.Fatalf("cut at %d gave an index, %v", length, err)
		}
	}
}

func TestReadIndexOfDamagedFiles(t *testing.T) {
	file := wholeFile(indexJSON(same))
	for at := 8; at < len(file)-8; at++ {
		damaged := bytes.Clone(file)
		damaged[at] ^= 1
		if ix, _ := read(damaged); ix != nil {
			t.Fatalf("byte %d does not matter", at)
		}
	}
}

func TestParseIndexRefuses(t *testing.T) {
	for from, to := range map[string]string{
		`"v":1`:                           `"v":2`,
		`"path":"bin"`:                    `"path":"../bin"`,
		`"path":"bin/a"`:                  `"path":"/bin/a"`,
		`"path":"bin/l"`:                  `"path":"bin//l"`,
		`{"type":"folder","path":"bin"},`: ``,
		`"target":"a"`:                    `"target":"../../a"`,
		`"executable":"bin/a"`:            `"executable":"bin/l"`,
		`"cwd":""`:                        `"cwd":"bin/a"`,
		`"size":10`:                       `"size":11`,
		`"frame":0`:                       `"frame":1`,
		`"rawLength":10`:                  `"rawLength":9`,
		`"offset":4`:                      `"offset":9007199254740992`,
		`"none"`:                          `"bcj-z80"`,
		`"id":"0123456789abcdef"`:         `"id":"../../../../../.."`,
		`dev.example.n`:                   `..`,
		`"name":"N"`:                      `"name":1`,
		`"requirements":[]`:               `"requirements":[{"library":"../x","packages":{}}]`,
		`"mode":493`:                      `"mode":420`,
		`bin/l`:                           `bin/a`,
	} {
		text := indexJSON(func(text string) string { return strings.Replace(text, from, to, 1) })
		if bytes.Equal(text, indexJSON(same)) {
			t.Fatalf("%s is not in the fixture", from)
		}
		if ix, err := parseIndex(text, 8); err == nil {
			t.Errorf("%s gave %v", to, ix)
		}
	}
}

// Whatever an index says, reading it ends with an answer.
func TestParseIndexOfNoise(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	base := indexJSON(same)
	for range 20_000 {
		text := bytes.Clone(base)
		for range 1 + random.Intn(4) {
			text[random.Intn(len(text))] = `0129{}[],:"-\abx/.`[random.Intn(18)]
		}
		ix, err := parseIndex(text, 8)
		if err != nil {
			continue
		}
		for _, e := range ix.entries {
			if !isCleanPath(e.path) {
				t.Fatalf("%q", e.path)
			}
		}
	}
}
