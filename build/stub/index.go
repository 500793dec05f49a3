//go:build linux || windows

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"unicode/utf8"
)

// The single file as build/formats/payload.ts lays it out; version 1.
const (
	footerBytes   = 64
	searchBytes   = 64 << 10
	maxIndexBytes = 16 << 20
	maxFrameBytes = 256 << 20
	footerMagic   = "ERTHPAY1"
)

type index struct {
	name, identifier, version, id string
	launch                        launch
	requirements                  []requirement
	frames                        []frame
	entries                       []entry
	unpackedBytes                 int64
	files                         int
}

type requirement struct {
	library  string
	packages map[string]string
}

type frame struct {
	// In the file.
	offset, length, rawLength int64
	unfilter                  unfilter
	sha256                    [32]byte
	// Where its bytes go, in the frame's order; they do not overlap.
	targets []target
}

type target struct {
	entry                           int
	frameOffset, fileOffset, length int64
}

type entryKind int

const (
	kindFolder entryKind = iota
	kindFile
	kindLink
)

type entry struct {
	kind         entryKind
	path         string
	link         string
	isExecutable bool
	size         int64
	sha256       [32]byte
}

// readIndex finds and checks the index in the first size bytes. nil without an
// error means that the file carries no payload.
func readIndex(file io.ReaderAt, size int64) (*index, error) {
	tail := make([]byte, min(size, searchBytes))
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return nil, &fault{exitFull, "FILE_UNREADABLE", "this file cannot be read: " + err.Error() + ".", "check the disk, then download the app again"}
	}
	tailStart := size - int64(len(tail))
	var refused error
	// Something may have been appended, so the last footer that holds wins.
	for end := len(tail); ; {
		at := bytes.LastIndex(tail[:end], []byte(footerMagic))
		if at < 0 {
			return nil, refused
		}
		end = at + len(footerMagic) - 1
		if at+footerBytes > len(tail) {
			continue
		}
		footer := tail[at : at+footerBytes]
		offset := int64(binary.LittleEndian.Uint64(footer[8:]))
		length := int64(binary.LittleEndian.Uint64(footer[16:]))
		origin := tailStart + int64(at) - length - offset
		if length <= 0 || length > maxIndexBytes || offset < 0 || origin < 0 {
			continue
		}
		text := make([]byte, length)
		if _, err := file.ReadAt(text, origin+offset); err != nil {
			refused = damaged("the index of this file cannot be read: %s.", err)
			continue
		}
		if digest := sha256.Sum256(text); !bytes.Equal(digest[:], footer[24:56]) {
			refused = damaged("the index of this file has SHA-256 %x, expected %x.", digest, footer[24:56])
			continue
		}
		ix, err := parseIndex(text, offset)
		if err != nil {
			return nil, err
		}
		// Offsets count from the stub, which an AppImage has in its middle.
		for number := range ix.frames {
			ix.frames[number].offset += origin
		}
		return ix, nil
	}
}

func parseIndex(text []byte, indexOffset int64) (*index, error) {
	value, err := parseJSON(text)
	if err != nil {
		return nil, damaged("the index of this file cannot be read: %s.", err)
	}
	f := fieldsOf(value)
	app := f.object("app")
	ix := &index{name: app.text("name"), identifier: app.text("identifier"), version: app.text("version"), id: f.text("id"), launch: parseLaunch(f.object("launch"))}
	switch {
	case f.count("v") != 1:
		return nil, damaged("the index of this file has a version that this program does not know.")
	case f.bad || app.bad:
		return nil, damaged("the index of this file lacks a field.")
	case !isHex(ix.id) || len(ix.id) < 16 || len(ix.id) > 64:
		return nil, damaged("the index names the folder %q.", ix.id)
	case !isPlainName(ix.identifier):
		return nil, damaged("the index names the app %q.", ix.identifier)
	}
	for _, item := range f.list("requirements") {
		r := fieldsOf(item)
		ix.requirements = append(ix.requirements, requirement{r.text("library"), r.textMap("packages")})
		if r.bad || !isPlainName(ix.requirements[len(ix.requirements)-1].library) {
			return nil, damaged("the index names a wrong system library.")
		}
	}
	if err := ix.parseFrames(f.list("frames"), indexOffset); err != nil {
		return nil, err
	}
	if err := ix.parseEntries(f.list("entries")); err != nil {
		return nil, err
	}
	if f.bad || app.bad {
		return nil, damaged("the index of this file lacks a field.")
	}
	return ix, ix.checkLaunch()
}

func (ix *index) parseFrames(items []any, indexOffset int64) error {
	for number, item := range items {
		f := fieldsOf(item)
		fr := frame{offset: f.count("offset"), length: f.count("length"), rawLength: f.count("rawLength"), unfilter: unfilters[f.text("filter")]}
		digest := f.text("sha256")
		if f.bad || fr.unfilter == nil || !decodeDigest(&fr.sha256, digest) || fr.length == 0 || fr.rawLength == 0 ||
			fr.rawLength > maxFrameBytes || fr.offset+fr.length > indexOffset {
			return damaged("frame %d of the index is wrong.", number)
		}
		ix.frames = append(ix.frames, fr)
	}
	return nil
}

func (ix *index) parseEntries(items []any) error {
	kinds := map[string]entryKind{}
	for _, item := range items {
		f := fieldsOf(item)
		e := entry{path: f.text("path")}
		parent := path.Dir(e.path)
		_, twice := kinds[e.path]
		if parentKind, known := kinds[parent]; f.bad || twice || !isCleanPath(e.path) || (parent != "." && (!known || parentKind != kindFolder)) {
			return damaged("the index has a wrong entry %q.", e.path)
		}
		switch f.text("type") {
		case "folder":
			e.kind = kindFolder
		case "link":
			e.kind = kindLink
			e.link = f.text("target")
			inside := path.Join(parent, e.link)
			if e.link == "" || strings.ContainsRune(e.link, 0) || path.IsAbs(e.link) || inside == ".." || strings.HasPrefix(inside, "../") {
				return damaged("the index has a link %q that leaves the app: %q.", e.path, e.link)
			}
		case "file":
			e.kind = kindFile
			e.size = f.count("size")
			e.isExecutable = f.count("mode")&0o100 != 0
			if !decodeDigest(&e.sha256, f.text("sha256")) || !ix.parseSlices(f.list("slices"), len(ix.entries), e.size) {
				f.bad = true
			}
			ix.unpackedBytes += e.size
			ix.files++
		default:
			f.bad = true
		}
		if f.bad || ix.unpackedBytes < 0 {
			return damaged("the index has a wrong entry %q.", e.path)
		}
		kinds[e.path] = e.kind
		ix.entries = append(ix.entries, e)
	}
	for number := range ix.frames {
		targets := ix.frames[number].targets
		sort.Slice(targets, func(a, b int) bool { return targets[a].frameOffset < targets[b].frameOffset })
		for i := 1; i < len(targets); i++ {
			if targets[i-1].frameOffset+targets[i-1].length > targets[i].frameOffset {
				return damaged("the index gives bytes of frame %d to two files.", number)
			}
		}
	}
	return nil
}

// parseSlices hands the frames their part of a file; together the slices are the whole file.
func (ix *index) parseSlices(items []any, entry int, size int64) bool {
	at := int64(0)
	for _, item := range items {
		f := fieldsOf(item)
		number, t := f.count("frame"), target{entry, f.count("offset"), at, f.count("length")}
		if f.bad || number >= int64(len(ix.frames)) || t.length == 0 || t.frameOffset+t.length > ix.frames[number].rawLength || t.length > size-at {
			return false
		}
		ix.frames[number].targets = append(ix.frames[number].targets, t)
		at += t.length
	}
	return at == size
}

func (ix *index) checkLaunch() error {
	executable, cwd := false, ix.launch.cwd == "" || ix.launch.cwd == "."
	for _, e := range ix.entries {
		executable = executable || (e.path == ix.launch.executable && e.kind == kindFile && e.isExecutable)
		cwd = cwd || (e.path == ix.launch.cwd && e.kind == kindFolder)
	}
	if !executable || !cwd {
		return damaged("the index starts %q in %q, which the app does not have.", ix.launch.executable, ix.launch.cwd)
	}
	return nil
}

// isCleanPath tells whether a path stays inside the folder it is joined to, and has one spelling.
func isCleanPath(text string) bool {
	// IsLocal knows the separators, drives and device names of Windows.
	return text != "" && text != "." && text != okName && utf8.ValidString(text) && path.Clean(text) == text &&
		filepath.IsLocal(text) && !strings.ContainsRune(text, 0)
}

// isPlainName tells whether a text is safe as the name of a folder or library.
func isPlainName(text string) bool {
	for _, c := range []byte(text) {
		if !(c == '.' || c == '-' || c == '_' || c == '+' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return false
		}
	}
	return text != "" && text[0] != '.' && len(text) <= 128
}

func isHex(text string) bool {
	return strings.Trim(text, "0123456789abcdef") == ""
}

func decodeDigest(into *[32]byte, text string) bool {
	if len(text) != 64 || !isHex(text) {
		return false
	}
	_, err := hex.Decode(into[:], []byte(text))
	return err == nil
}
