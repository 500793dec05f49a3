package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"os"
	"strings"
	"testing"
)

// smallSquash is an image that build/formats/squashfs.ts has written;
// tests/unit/formats/squashfs-fixture.ts says what is in it.
func smallSquash(t *testing.T) []byte {
	image, err := os.ReadFile("testdata/small.squashfs")
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// dumpSquash lists an image, with its contents.
func dumpSquash(image []byte) (string, error) {
	s, err := openSquash(bytes.NewReader(image), 0)
	if err != nil {
		return "", err
	}
	var lines []string
	err = s.walk(func(e squashEntry) error {
		text := ""
		if e.kind == kindFile {
			content, err := io.ReadAll(e.content)
			if err != nil {
				return err
			}
			text = string(content)
		}
		lines = append(lines, fmt.Sprintf("%d %q %o %d %q %q", e.kind, e.path, e.mode, e.modified, e.link, text))
		return nil
	})
	return strings.Join(lines, "\n"), err
}

func TestReadSquash(t *testing.T) {
	dump, err := dumpSquash(smallSquash(t))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`0 "" 755 946684800 "" ""`,
		`1 "AppRun" 755 946684800 "" "#!/bin/sh\n"`,
		`2 "link" 777 946684800 "usr/note 漢字" ""`,
		`1 "none" 600 946684800 "" ""`,
		`0 "usr" 755 946684800 "" ""`,
		`0 "usr/empty" 700 946684800 "" ""`,
		`1 "usr/note 漢字" 644 946684800 "" "hello"`,
	}, "\n")
	if dump != want {
		t.Fatalf("got\n%s\nwant\n%s", dump, want)
	}
}

func TestReadSquashOfEveryCutImage(t *testing.T) {
	image := smallSquash(t)
	whole, err := dumpSquash(image)
	if err != nil {
		t.Fatal(err)
	}
	for length := range image {
		// Behind the tables there is only padding.
		if dump, err := dumpSquash(image[:length]); err == nil && dump != whole {
			t.Fatalf("cut at %d gave\n%s", length, dump)
		}
	}
}

// Any damage ends in an answer, never in a panic, a loop or names that lead out.
func TestReadDamagedSquash(t *testing.T) {
	image := smallSquash(t)
	random := rand.New(rand.NewSource(1))
	for round := 0; round < 200_000; round++ {
		damaged := bytes.Clone(image[:1024])
		for flips := 1 + random.Intn(4); flips > 0; flips-- {
			damaged[random.Intn(len(damaged))] = byte(random.Intn(256))
		}
		s, err := openSquash(bytes.NewReader(damaged), 0)
		if err != nil {
			continue
		}
		_ = s.walk(func(e squashEntry) error {
			if e.path != "" && !isCleanPath(e.path) {
				t.Fatalf("it has an entry %q", e.path)
			}
			return nil
		})
	}
}

func TestMatchesLeading(t *testing.T) {
	for pattern, matches := range map[string]bool{"": true, "usr": true, "usr/*": true, "*.desktop": false, "usr/share/x": true, "*": true, "[": false} {
		if got := matchesLeading(pattern, "usr/share/x"); got != matches {
			t.Errorf("%q gave %v", pattern, got)
		}
	}
}
