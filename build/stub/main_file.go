//go:build linux || windows

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
)

// singleFile is this program's own file, with an app behind the program.
type singleFile struct {
	// Absolute; what a user would start again, and an update would replace.
	program string
	file    *os.File
	// How many of its first bytes count: a signature may follow.
	size int64
	// What the app gets to know, when it is unpacked to a folder.
	env func(folder string) map[string]string
}

// run starts the app in it. found is false where there is none.
func (s singleFile) run(args []string) (name string, found bool, err error) {
	ix, err := readIndex(s.file, s.size)
	if ix == nil && err == nil {
		done, err := extractOther(args)
		return "", done, err
	}
	if err != nil {
		return "", true, err
	}
	if len(args) > 0 && strings.HasPrefix(args[0], "--erth-") {
		if done, err := runTool(args, ix, s.file); done || err != nil {
			return ix.name, true, err
		}
	}
	if err := requirementsFault(ix); err != nil {
		return ix.name, true, err
	}
	folder, err := openFolder(ix, s.file)
	if err != nil {
		return ix.name, true, err
	}
	return ix.name, true, startUnpacked(ix, folder, args, s.env(folder))
}

// runTool serves the flags that are the file's own, not the app's.
func runTool(args []string, ix *index, file *os.File) (done bool, err error) {
	switch args[0] {
	case "--erth-info":
		os.Stdout.WriteString(describe(ix))
		return true, nil
	case "--erth-verify":
		if err := eachFrame(ix, func(fr *frame) error { return decodeFrame(file, fr, nil) }); err != nil {
			return true, err
		}
		fmt.Printf("%s %s: %d files, %d bytes, all as published\n", ix.name, ix.version, ix.files, ix.unpackedBytes)
		return true, nil
	case "--erth-extract":
		if len(args) != 2 {
			return true, &fault{exitUsage, "USAGE", "--erth-extract takes one folder.", args[0] + " <folder>"}
		}
		return true, extract(ix, file, args[1])
	}
	return false, nil
}

// extract unpacks the app to a new folder and compares every file with its digest.
func extract(ix *index, file *os.File, folder string) error {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return &fault{exitNoFolder, "NO_FOLDER", err.Error() + ".", "name a folder that does not exist yet"}
	}
	err := unpackTree(file, ix, folder)
	if err == nil {
		err = checkFiles(ix, folder)
	}
	if err != nil {
		os.RemoveAll(folder)
	}
	return err
}

// extractOther unpacks the app in another file, for whatever system it is: a
// program without an app of its own is a reader of those of others.
func extractOther(args []string) (done bool, err error) {
	if len(args) != 3 || args[0] != "--erth-extract" {
		return false, nil
	}
	file, err := os.Open(args[2])
	if err != nil {
		return true, &fault{exitUsage, "FILE_UNREADABLE", err.Error() + ".", "name a file that can be read"}
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return true, damaged("%s: %s.", args[2], err)
	}
	ix, err := readIndex(file, signedEnd(file, info.Size()))
	if ix == nil {
		if err == nil {
			err = damaged("%s carries no app, or its end is missing.", args[2])
		}
		return true, err
	}
	return true, extract(ix, file, args[1])
}

// signedEnd is where what a signature covers ends: the certificate table of
// PE files lies behind all else. Offsets are those of the PE format for 64 bits.
func signedEnd(file io.ReaderAt, size int64) int64 {
	const headersOffset, directory = 60, 24 + 112 + 4*8
	var head [headersOffset + 4]byte
	if _, err := file.ReadAt(head[:], 0); err != nil || string(head[:2]) != "MZ" {
		return size
	}
	var entry [8]byte
	if _, err := file.ReadAt(entry[:], int64(binary.LittleEndian.Uint32(head[headersOffset:]))+directory); err != nil {
		return size
	}
	offset, length := binary.LittleEndian.Uint32(entry[:]), binary.LittleEndian.Uint32(entry[4:])
	if length == 0 || int64(offset) > size {
		return size
	}
	return int64(offset)
}

func describe(ix *index) string {
	text := "{"
	for _, pair := range [][2]string{{"name", ix.name}, {"identifier", ix.identifier}, {"version", ix.version}, {"id", ix.id}} {
		text += quoteJSON(pair[0]) + ":" + quoteJSON(pair[1]) + ","
	}
	var libraries []string
	for _, r := range ix.requirements {
		libraries = append(libraries, quoteJSON(r.library))
	}
	return text + fmt.Sprintf(`"frames":%d,"files":%d,"unpackedBytes":%d,"requirements":[%s]}`+"\n",
		len(ix.frames), ix.files, ix.unpackedBytes, strings.Join(libraries, ","))
}
