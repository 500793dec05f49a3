//go:build linux || windows

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

const (
	maxWindowBytes = 256 << 20
	chunkBytes     = 1 << 20
)

// sink gets the bytes of a frame, in order; nil only checks them.
type sink func(t target, at int64, bytes []byte) error

// unpackTree writes the whole tree below an existing, empty folder.
func unpackTree(file io.ReaderAt, ix *index, folder string) error {
	for _, e := range ix.entries {
		place := filepath.Join(folder, e.path)
		var err error
		switch e.kind {
		case kindFolder:
			err = os.Mkdir(place, 0o700)
		case kindLink:
			err = os.Symlink(e.link, place)
		case kindFile:
			mode := os.FileMode(0o644)
			if e.isExecutable {
				mode = 0o755
			}
			var made *os.File
			if made, err = os.OpenFile(place, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode); err == nil {
				err = made.Close()
			}
		}
		if err != nil {
			return writeFault(err, ix)
		}
	}
	return eachFrame(ix, func(fr *frame) error {
		var open *os.File
		openEntry := -1
		defer func() {
			if open != nil {
				open.Close()
			}
		}()
		return decodeFrame(file, fr, func(t target, at int64, bytes []byte) error {
			if openEntry != t.entry {
				if open != nil {
					if err := open.Close(); err != nil {
						return writeFault(err, ix)
					}
				}
				var err error
				if open, err = os.OpenFile(filepath.Join(folder, ix.entries[t.entry].path), os.O_WRONLY, 0); err != nil {
					return writeFault(err, ix)
				}
				openEntry = t.entry
			}
			_, err := open.WriteAt(bytes, at)
			return writeFault(err, ix)
		})
	})
}

// checkFiles compares every unpacked file with its own digest. Each frame has
// been checked on the way, so this finds only an index that contradicts itself.
func checkFiles(ix *index, folder string) error {
	for _, e := range ix.entries {
		if e.kind != kindFile {
			continue
		}
		file, err := os.Open(filepath.Join(folder, e.path))
		if err != nil {
			return writeFault(err, ix)
		}
		hash := sha256.New()
		_, err = io.Copy(hash, file)
		file.Close()
		if err != nil {
			return writeFault(err, ix)
		}
		if !bytes.Equal(hash.Sum(nil), e.sha256[:]) {
			return damaged("%s has SHA-256 %x, expected %x.", e.path, hash.Sum(nil), e.sha256)
		}
	}
	return nil
}

// eachFrame runs work on several cores, largest frame first, until all are done or one fails.
func eachFrame(ix *index, work func(*frame) error) error {
	order := make([]*frame, len(ix.frames))
	for i := range ix.frames {
		order[i] = &ix.frames[i]
	}
	sort.SliceStable(order, func(a, b int) bool { return order[a].rawLength > order[b].rawLength })
	var next atomic.Int64
	var failure atomic.Pointer[error]
	var group sync.WaitGroup
	for range min(runtime.NumCPU(), 4, len(order)) {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				at := int(next.Add(1)) - 1
				if at >= len(order) || failure.Load() != nil {
					return
				}
				if err := work(order[at]); err != nil {
					failure.CompareAndSwap(nil, &err)
				}
			}
		}()
	}
	group.Wait()
	if err := failure.Load(); err != nil {
		return *err
	}
	return nil
}

// decodeFrame unpacks one frame in a window's memory and checks its digest.
func decodeFrame(file io.ReaderAt, fr *frame, write sink) error {
	decoder, err := zstd.NewReader(io.NewSectionReader(file, fr.offset, fr.length),
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindowBytes))
	if err != nil {
		return damaged("the frame at %d cannot be unpacked: %s.", fr.offset, err)
	}
	defer decoder.Close()
	hash := sha256.New()
	buffer := make([]byte, chunkBytes)
	have, done, targets := 0, int64(0), fr.targets
	for isLast := false; !isLast; {
		count, err := io.ReadFull(decoder, buffer[have:])
		have += count
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			isLast = true
		case err != nil:
			return damaged("the frame at %d cannot be unpacked: %s.", fr.offset, err)
		}
		if done+int64(have) > fr.rawLength {
			return damaged("the frame at %d holds more than %d bytes.", fr.offset, fr.rawLength)
		}
		ready := fr.unfilter(buffer[:have], uint32(done), isLast)
		hash.Write(buffer[:ready])
		if write != nil {
			if targets, err = deliver(buffer[:ready], done, targets, write); err != nil {
				return err
			}
		}
		copy(buffer, buffer[ready:have])
		have -= ready
		done += int64(ready)
	}
	if done != fr.rawLength {
		return damaged("the frame at %d ends after %d of %d bytes.", fr.offset, done, fr.rawLength)
	}
	if digest := hash.Sum(nil); !bytes.Equal(digest, fr.sha256[:]) {
		return damaged("the frame at %d has SHA-256 %x, expected %x.", fr.offset, digest, fr.sha256)
	}
	return nil
}

// deliver gives a run of the frame to the files that it belongs to; it returns the targets still open.
func deliver(run []byte, start int64, targets []target, write sink) ([]target, error) {
	end := start + int64(len(run))
	for len(targets) > 0 && targets[0].frameOffset < end {
		t := targets[0]
		from, to := max(t.frameOffset, start), min(t.frameOffset+t.length, end)
		if from < to {
			if err := write(t, t.fileOffset+from-t.frameOffset, run[from-start:to-start]); err != nil {
				return nil, err
			}
		}
		if t.frameOffset+t.length > end {
			break
		}
		targets = targets[1:]
	}
	return targets, nil
}

// writeFault explains an error of the file system; nil stays nil.
func writeFault(err error, ix *index) error {
	switch {
	case err == nil:
		return nil
	case isDiskFull(err):
		return diskFull(ix, err.Error())
	}
	return &fault{exitFull, "UNPACK_FAILED", fmt.Sprintf("%s could not be unpacked: %s.", ix.name, err), "check the disk, then start the app again"}
}

func diskFull(ix *index, detail string) *fault {
	return &fault{exitFull, "DISK_FULL",
		fmt.Sprintf("%s needs %.1f MB (%d bytes) on the disk to unpack itself: %s.", ix.name, float64(ix.unpackedBytes)/1e6, ix.unpackedBytes, detail),
		"free some space, or set " + cacheVariable + " to a folder on another disk, then start the app again"}
}
