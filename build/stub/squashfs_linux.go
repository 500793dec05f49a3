package main

import (
	"encoding/binary"
	"io"
	"path"
)

// The squashfs image of an AppImage as build/formats/squashfs.ts writes it:
// version 4.0, nothing compressed, no fragments, one owner.

const (
	squashMagic      = 0x73717368
	squashFlags      = 0x0001 | 0x0002 // inodes and data are stored as they are
	metadataBytes    = 8192
	metadataStored   = 0x8000
	blockStored      = 1 << 24
	noFragment       = 0xffffffff
	maxSquashEntries = 1 << 20
	maxListingBytes  = 64 << 20
)

type squash struct {
	file io.ReaderAt
	// Of the image in the file.
	start                 int64
	entries               uint32
	blockBytes            int64
	inodes, folders, used int64
	root                  uint64
}

// squashEntry is one file, folder or link of an image.
type squashEntry struct {
	kind entryKind
	// From the image's root, "/" separated; "" is the root itself.
	path     string
	mode     uint32
	modified int64
	link     string
	// A file's bytes, one run of the file around the image.
	content *io.SectionReader
	// A folder's listing.
	block, offset uint32
	length        int64
}

func damagedImage(what string) error { return damaged("the file system image is damaged: %s.", what) }

// openSquash checks the superblock of the image at start.
func openSquash(file io.ReaderAt, start int64) (*squash, error) {
	var head [96]byte
	if _, err := file.ReadAt(head[:], start); err != nil {
		return nil, damagedImage("it is cut off")
	}
	word, long := binary.LittleEndian.Uint32, binary.LittleEndian.Uint64
	s := &squash{file: file, start: start, entries: word(head[4:]), blockBytes: int64(word(head[12:])), root: long(head[32:]),
		used: int64(long(head[40:])), inodes: int64(long(head[64:])), folders: int64(long(head[72:]))}
	flags := binary.LittleEndian.Uint16(head[24:])
	if word(head[:]) != squashMagic || binary.LittleEndian.Uint16(head[28:]) != 4 || flags&squashFlags != squashFlags {
		return nil, damagedImage("it is none that this program reads")
	}
	if s.entries > maxSquashEntries || s.blockBytes < 4096 || s.blockBytes > 1<<20 ||
		s.inodes < 96 || s.folders <= s.inodes || s.used < s.folders || s.used > 1<<50 {
		return nil, damagedImage("its tables lie outside it")
	}
	return s, nil
}

// walk calls visit for the root and all that is in it, a folder before its content.
func (s *squash) walk(visit func(squashEntry) error) error {
	left := s.entries
	var descend func(place uint64, at string, depth int) error
	descend = func(place uint64, at string, depth int) error {
		if left == 0 || depth > 64 {
			return damagedImage("it has more entries than it says")
		}
		left--
		e, err := s.entryAt(place, at)
		if err != nil {
			return err
		}
		if err := visit(e); err != nil || e.kind != kindFolder {
			return err
		}
		names, err := s.list(e)
		if err != nil {
			return err
		}
		for _, n := range names {
			if err := descend(n.inode, path.Join(at, n.name), depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return descend(s.root, "", 0)
}

func (s *squash) entryAt(place uint64, at string) (squashEntry, error) {
	in := s.metadata(s.inodes, int64(place>>16), int64(place&0xffff))
	head := in.take(16)
	e := squashEntry{path: at, mode: uint32(binary.LittleEndian.Uint16(head[2:])) & 0o777, modified: int64(binary.LittleEndian.Uint32(head[8:]))}
	var offset, size int64
	fragment := uint32(noFragment)
	switch binary.LittleEndian.Uint16(head) {
	case 1:
		body := in.take(16)
		e.kind, e.block, e.offset = kindFolder, in.u32(body), uint32(in.u16(body[10:]))
		e.length = int64(in.u16(body[8:])) - 3
	case 8:
		body := in.take(24)
		e.kind, e.block, e.offset = kindFolder, in.u32(body[8:]), uint32(in.u16(body[18:]))
		e.length = int64(in.u32(body[4:])) - 3
	case 2:
		body := in.take(16)
		e.kind, offset, fragment, size = kindFile, int64(in.u32(body)), in.u32(body[4:]), int64(in.u32(body[12:]))
	case 9:
		body := in.take(40)
		e.kind, offset, size = kindFile, int64(binary.LittleEndian.Uint64(body)), int64(binary.LittleEndian.Uint64(body[8:]))
		fragment = in.u32(body[28:])
	case 3:
		body := in.take(8)
		length := in.u32(body[4:])
		if length == 0 || length > 4096 {
			return e, damagedImage("it has a wrong link")
		}
		e.kind, e.link = kindLink, string(in.take(int(length)))
	default:
		if in.err == nil {
			in.err = damagedImage("it has an entry of an unknown kind")
		}
	}
	if e.kind == kindFile {
		if fragment != noFragment || offset < 0 || size < 0 || size > s.used || offset > s.used-size {
			return e, damagedImage("a file lies outside it")
		}
		for done := int64(0); done < size; done += s.blockBytes {
			if int64(in.u32(in.take(4))) != min(s.blockBytes, size-done)|blockStored {
				return e, damagedImage("a file in it is compressed")
			}
		}
		e.content = io.NewSectionReader(s.file, s.start+offset, size)
	}
	if in.err != nil {
		return e, in.err
	}
	return e, nil
}

type squashName struct {
	name  string
	inode uint64
}

// list reads a folder's names, in runs behind their headers.
func (s *squash) list(folder squashEntry) ([]squashName, error) {
	var names []squashName
	if folder.length < 0 || folder.length > maxListingBytes {
		return nil, damagedImage("a folder's listing is too long")
	}
	in := s.metadata(s.folders, int64(folder.block), int64(folder.offset))
	for left := folder.length; left > 0; {
		head := in.take(12)
		left -= 12
		block := uint64(in.u32(head[4:]))
		for count := int64(in.u32(head)) + 1; count > 0 && left > 0; count-- {
			item := in.take(8)
			name := string(in.take(int(in.u16(item[6:])) + 1))
			left -= 8 + int64(len(name))
			if in.err != nil {
				return nil, in.err
			}
			if !isCleanPath(name) || path.Base(name) != name {
				return nil, damagedImage("it has a wrong name")
			}
			names = append(names, squashName{name, block<<16 | uint64(in.u16(item))})
		}
	}
	return names, in.err
}

// metadata reads a stream that is cut into blocks behind two bytes of length and flag.
type metadata struct {
	file io.ReaderAt
	// Of the next block in the file.
	next  int64
	skip  int64
	bytes []byte
	err   error
}

func (s *squash) metadata(table, block, offset int64) *metadata {
	return &metadata{file: s.file, next: s.start + table + block, skip: offset}
}

// take gives the next count bytes; zeros after a fault, which stays in err.
func (m *metadata) take(count int) []byte {
	for len(m.bytes) < count && m.err == nil {
		var head [2]byte
		if _, err := m.file.ReadAt(head[:], m.next); err != nil {
			m.err = damagedImage("a table is cut off")
			break
		}
		length := binary.LittleEndian.Uint16(head[:])
		if length&metadataStored == 0 || length&^metadataStored > metadataBytes {
			m.err = damagedImage("a table is compressed")
			break
		}
		block := make([]byte, length&^metadataStored)
		if _, err := m.file.ReadAt(block, m.next+2); err != nil || int64(len(block)) < m.skip {
			m.err = damagedImage("a table is cut off")
			break
		}
		m.bytes = append(m.bytes, block[m.skip:]...)
		m.next += 2 + int64(len(block))
		m.skip = 0
	}
	if m.err != nil {
		return make([]byte, count)
	}
	taken := m.bytes[:count]
	m.bytes = m.bytes[count:]
	return taken
}

func (m *metadata) u16(bytes []byte) uint16 { return binary.LittleEndian.Uint16(bytes) }
func (m *metadata) u32(bytes []byte) uint32 { return binary.LittleEndian.Uint32(bytes) }
