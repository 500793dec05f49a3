//go:build linux || windows

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// The unpacked versions of one app:
//
//	<base>/<id>            the tree, with okName inside; exists only whole
//	<base>/<id>.lock       held shared by whoever runs from <id>, across exec
//	<base>/unpack.lock     held by the one that unpacks and tidies
//	<base>/*.part, *.gone  being made, being removed; rubbish to the holder of unpack.lock
//
// The kernel drops locks with the process, however it ends. A file system
// without locks still gets whole trees, from the rename; it only never gets
// tidied.

const (
	okName        = ".ok"
	unpackLock    = "unpack.lock"
	lockPatience  = 2 * time.Minute
	lockPollPause = 20 * time.Millisecond
	// How long a rename may be refused for a reason that passes.
	renamePatience = 10 * time.Second
)

// openFolder returns the unpacked tree of ix, unpacked if need be, and keeps
// it from being tidied away for as long as this process or the app lives.
func openFolder(ix *index, file *os.File) (string, error) {
	var refusals []string
	for number, base := range candidates(ix.identifier) {
		folder, err := openFolderIn(base, ix, file, number > 0)
		var refusal *unusable
		if !errors.As(err, &refusal) {
			if err == nil && len(refusals) > 0 {
				fmt.Fprintf(os.Stderr, "note: unpacked to %s, since %s\n", folder, strings.Join(refusals, "; "))
			}
			return folder, err
		}
		refusals = append(refusals, fmt.Sprintf("%s cannot be used: %s", base, refusal.reason))
	}
	return "", &fault{exitNoFolder, "NO_FOLDER",
		fmt.Sprintf("%s found no folder to unpack itself to: %s.", ix.name, strings.Join(refusals, "; ")),
		"make your home folder writable, or set " + cacheVariable + " to a folder that is and from which programs may run"}
}

// unusable is a base folder's reason to try the next one.
type unusable struct{ reason string }

func (u *unusable) Error() string { return u.reason }

func openFolderIn(base string, ix *index, file *os.File, isFallback bool) (string, error) {
	if err := prepare(base); err != nil {
		return "", err
	}
	// Held for as long as this process or the app lives.
	if err := holdShared(filepath.Join(base, ix.id+".lock")); err != nil {
		return "", err
	}
	folder := filepath.Join(base, ix.id)
	if isWhole(folder, ix) {
		return folder, nil
	}
	return folder, unpackInto(base, ix, file, isFallback)
}

// isWhole tells whether the tree is there: the mark of a finished unpacking,
// and every entry with its kind and size, since cleaners empty cache folders
// file by file.
func isWhole(folder string, ix *index) bool {
	if _, err := os.Lstat(filepath.Join(folder, okName)); err != nil {
		return false
	}
	for _, e := range ix.entries {
		info, err := os.Lstat(filepath.Join(folder, e.path))
		if err != nil {
			return false
		}
		switch e.kind {
		case kindFolder:
			if !info.IsDir() {
				return false
			}
		case kindLink:
			if info.Mode()&os.ModeSymlink == 0 {
				return false
			}
		case kindFile:
			if !info.Mode().IsRegular() || info.Size() != e.size || e.isExecutable && !mayRun(info) {
				return false
			}
		}
	}
	return true
}

// unpackInto makes <base>/<id>. Only one process unpacks at a time; one that
// waited finds the other's work.
func unpackInto(base string, ix *index, file *os.File, isFallback bool) error {
	release, isLocked := lockUnpacking(base)
	defer release()
	folder := filepath.Join(base, ix.id)
	if isWhole(folder, ix) {
		return nil
	}
	if isLocked {
		removeRubbish(base)
	}
	if err := checkSpace(base, ix); err != nil {
		if isFallback {
			return &unusable{err.message}
		}
		return err
	}
	part := filepath.Join(base, fmt.Sprintf("%s.%d.part", ix.id, os.Getpid()))
	os.RemoveAll(part)
	if err := os.Mkdir(part, 0o700); err != nil {
		return &unusable{err.Error()}
	}
	err := unpackTree(file, ix, part)
	if err == nil {
		err = writeFault(os.WriteFile(filepath.Join(part, okName), []byte(ix.id+"\n"), 0o600), ix)
	}
	if err == nil {
		err = writeFault(syncTree(part), ix)
	}
	if err == nil {
		err = writeFault(putInPlace(part, folder, ix), ix)
	}
	if err != nil {
		os.RemoveAll(part)
		return err
	}
	if isLocked {
		removeOldVersions(base, ix.id)
	}
	return nil
}

// lockUnpacking waits for the lock; without one after lockPatience (or at all)
// the caller goes on, and its rename decides.
func lockUnpacking(base string) (release func(), isLocked bool) {
	for end := time.Now().Add(lockPatience); ; time.Sleep(lockPollPause) {
		release, answer := tryLock(filepath.Join(base, unpackLock))
		if answer != lockedElsewhere || time.Now().After(end) {
			return release, answer == lockedHere
		}
		release()
	}
}

// lockAnswer is what an attempt at an exclusive lock came to.
type lockAnswer int

const (
	lockedHere lockAnswer = iota
	lockedElsewhere
	noLocks // of this file system, or not at this path
)

func checkSpace(base string, ix *index) *fault {
	if free, isKnown := freeBytes(base); isKnown && free < ix.unpackedBytes {
		return diskFull(ix, fmt.Sprintf("%s has %d bytes left", base, free))
	}
	return nil
}

// putInPlace renames the finished tree. Where another process was faster, its
// tree stays; a damaged one makes room. A scanner may keep a new program open
// for a moment, which on Windows keeps its folder from being renamed.
func putInPlace(part, folder string, ix *index) error {
	for end := time.Now().Add(renamePatience); ; time.Sleep(lockPollPause) {
		err := os.Rename(part, folder)
		if err == nil {
			syncFolder(filepath.Dir(folder))
			return nil
		}
		if isWhole(folder, ix) {
			return os.RemoveAll(part)
		}
		if _, missing := os.Lstat(folder); missing != nil {
			if !mayRenameLater(err) || time.Now().After(end) {
				return err
			}
			continue
		}
		gone := fmt.Sprintf("%s.%d.gone", folder, os.Getpid())
		os.RemoveAll(gone)
		if err := os.Rename(folder, gone); err != nil && !errors.Is(err, os.ErrNotExist) && (!mayRenameLater(err) || time.Now().After(end)) {
			return err
		}
		os.RemoveAll(gone)
	}
}

// removeRubbish clears what killed processes left. What cannot be removed now
// is removed some other time.
func removeRubbish(base string) {
	for _, name := range namesIn(base) {
		if strings.HasSuffix(name, ".part") || strings.HasSuffix(name, ".gone") {
			os.RemoveAll(filepath.Join(base, name))
		}
	}
}

// removeOldVersions keeps the newest other version, for the way back after an
// update, and every version that something runs from.
func removeOldVersions(base, id string) {
	type version struct {
		id   string
		made time.Time
	}
	var others []version
	for _, name := range namesIn(base) {
		if name == id || strings.Contains(name, ".") {
			continue
		}
		var made time.Time
		if info, err := os.Lstat(filepath.Join(base, name, okName)); err == nil {
			made = info.ModTime()
		}
		others = append(others, version{name, made})
	}
	sort.Slice(others, func(a, b int) bool { return others[a].made.After(others[b].made) })
	for _, old := range others[min(1, len(others)):] {
		path := filepath.Join(base, old.id)
		release, answer := tryLock(path + ".lock")
		gone := fmt.Sprintf("%s.%d.gone", path, os.Getpid())
		if answer != lockedHere || os.Rename(path, gone) != nil {
			release()
			continue
		}
		os.RemoveAll(gone)
		removeLock(path+".lock", release)
	}
}

func namesIn(folder string) []string {
	file, err := os.Open(folder)
	if err != nil {
		return nil
	}
	defer file.Close()
	names, _ := file.Readdirnames(-1)
	return names
}
