package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The unpacked versions of one app:
//
//	<base>/<id>            the tree, with okName inside; exists only whole
//	<base>/<id>.lock       held shared by whoever runs from <id>, across exec
//	<base>/unpack.lock     held by the one that unpacks and tidies
//	<base>/*.part, *.gone  being made, being removed; rubbish to the holder of unpack.lock
//
// Locks are flock(2): the kernel drops them with the process, however it ends.
// A file system without locks still gets whole trees, from the rename; it only
// never gets tidied.

const (
	okName        = ".ok"
	unpackLock    = "unpack.lock"
	lockPatience  = 2 * time.Minute
	lockPollPause = 20 * time.Millisecond
	statNoExec    = 8
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
		"make your home folder writable, or set XDG_CACHE_HOME to a folder that is and from which programs may run"}
}

// unusable is a base folder's reason to try the next one.
type unusable struct{ reason string }

func (u *unusable) Error() string { return u.reason }

// candidates follows the XDG Base Directory Specification and runtime/base/folders.ts.
func candidates(identifier string) []string {
	var bases []string
	add := func(folder string, more ...string) {
		if filepath.IsAbs(folder) {
			bases = append(bases, filepath.Join(append([]string{folder}, more...)...))
		}
	}
	add(os.Getenv("ERTH_HOME"), "cache", "app")
	if cache := os.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(cache) {
		add(cache, identifier, "app")
	} else {
		add(os.Getenv("HOME"), ".cache", identifier, "app")
	}
	add(os.Getenv("XDG_RUNTIME_DIR"), identifier, "app")
	// Shared folders: the name tells users apart, and prepare() refuses another's folder.
	personal := identifier + "-" + strconv.Itoa(os.Getuid())
	add(os.Getenv("TMPDIR"), personal, "app")
	add("/var/tmp", personal, "app")
	add("/tmp", personal, "app")
	return bases
}

func openFolderIn(base string, ix *index, file *os.File, isFallback bool) (string, error) {
	if err := prepare(base); err != nil {
		return "", err
	}
	// Held for good: the descriptor has no FD_CLOEXEC, so the app inherits it.
	if err := holdShared(filepath.Join(base, ix.id+".lock")); err != nil {
		return "", err
	}
	folder := filepath.Join(base, ix.id)
	if isWhole(folder, ix) {
		return folder, nil
	}
	return folder, unpackInto(base, ix, file, isFallback)
}

// prepare makes the folder and sees whether programs can run from it.
func prepare(base string) error {
	if err := os.MkdirAll(base, 0o700); err != nil {
		return &unusable{err.Error()}
	}
	for _, folder := range []string{filepath.Dir(base), base} {
		var stat syscall.Stat_t
		if err := syscall.Lstat(folder, &stat); err != nil {
			return &unusable{err.Error()}
		}
		if stat.Mode&syscall.S_IFMT != syscall.S_IFDIR || int(stat.Uid) != os.Geteuid() {
			return &unusable{folder + " is not a folder of this user"}
		}
		if stat.Mode&0o022 != 0 {
			if err := os.Chmod(folder, 0o700); err != nil {
				return &unusable{err.Error()}
			}
		}
	}
	var system syscall.Statfs_t
	if err := syscall.Statfs(base, &system); err == nil && system.Flags&statNoExec != 0 {
		return &unusable{"programs may not run from it (noexec)"}
	}
	return nil
}

// holdShared locks a file that may be removed at the same moment: it holds
// only once the locked file is still the one at that path.
func holdShared(path string) error {
	for {
		fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return &unusable{err.Error()}
		}
		if err := flock(fd, syscall.LOCK_SH); err != nil {
			return nil // no locks here; see the top
		}
		var held, there syscall.Stat_t
		if syscall.Fstat(fd, &held) == nil && syscall.Lstat(path, &there) == nil && held.Ino == there.Ino {
			return nil
		}
		syscall.Close(fd)
	}
}

func flock(fd, how int) error {
	for {
		if err := syscall.Flock(fd, how); err != syscall.EINTR {
			return err
		}
	}
}

// isWhole tells whether the tree is there: the mark of a finished unpacking,
// and every entry with its kind and size, since cleaners empty cache folders
// file by file.
func isWhole(folder string, ix *index) bool {
	var stat syscall.Stat_t
	if syscall.Lstat(filepath.Join(folder, okName), &stat) != nil {
		return false
	}
	for _, e := range ix.entries {
		if syscall.Lstat(filepath.Join(folder, e.path), &stat) != nil {
			return false
		}
		kind := stat.Mode & syscall.S_IFMT
		switch e.kind {
		case kindFolder:
			if kind != syscall.S_IFDIR {
				return false
			}
		case kindLink:
			if kind != syscall.S_IFLNK {
				return false
			}
		case kindFile:
			if kind != syscall.S_IFREG || stat.Size != e.size || e.isExecutable && stat.Mode&0o100 == 0 {
				return false
			}
		}
	}
	return true
}

// unpackInto makes <base>/<id>. Only one process unpacks at a time; one that
// waited finds the other's work.
func unpackInto(base string, ix *index, file *os.File, isFallback bool) error {
	lock, isLocked := lockUnpacking(base)
	if lock >= 0 {
		defer syscall.Close(lock)
	}
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
func lockUnpacking(base string) (fd int, isLocked bool) {
	fd, err := syscall.Open(filepath.Join(base, unpackLock), syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return -1, false
	}
	for end := time.Now().Add(lockPatience); ; time.Sleep(lockPollPause) {
		err := flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EWOULDBLOCK || time.Now().After(end) {
			return fd, err == nil
		}
	}
}

func checkSpace(base string, ix *index) *fault {
	var system syscall.Statfs_t
	if syscall.Statfs(base, &system) != nil || system.Bsize <= 0 || system.Blocks == 0 {
		return nil
	}
	if free := int64(system.Bavail) * int64(system.Bsize); free < ix.unpackedBytes {
		return diskFull(ix, fmt.Sprintf("%s has %d bytes left", base, free))
	}
	return nil
}

// putInPlace renames the finished tree. Where another process was faster, its
// tree stays; a damaged one makes room.
func putInPlace(part, folder string, ix *index) error {
	for {
		err := os.Rename(part, folder)
		if err == nil || (!errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, syscall.EEXIST) && !errors.Is(err, syscall.ENOTDIR)) {
			if err == nil {
				syncFolder(filepath.Dir(folder))
			}
			return err
		}
		if isWhole(folder, ix) {
			return os.RemoveAll(part)
		}
		gone := fmt.Sprintf("%s.%d.gone", folder, os.Getpid())
		os.RemoveAll(gone)
		if err := os.Rename(folder, gone); err != nil && !errors.Is(err, syscall.ENOENT) {
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
		fd, err := syscall.Open(path+".lock", syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			continue
		}
		if flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			gone := fmt.Sprintf("%s.%d.gone", path, os.Getpid())
			if os.Rename(path, gone) == nil {
				os.RemoveAll(gone)
				os.Remove(path + ".lock")
			}
		}
		syscall.Close(fd)
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

// syncTree makes the tree durable before its name is: one syncfs(2) instead
// of an fsync(2) per file, each of which would wait for the journal.
func syncTree(folder string) error {
	file, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, _, errno := syscall.Syscall(sysSyncfs, file.Fd(), 0, 0); errno != 0 && errno != syscall.ENOSYS {
		return errno
	}
	return nil
}

func syncFolder(folder string) {
	if file, err := os.Open(folder); err == nil {
		file.Sync()
		file.Close()
	}
}
