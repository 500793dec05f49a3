package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const (
	// What moves the cache, for messages.
	cacheVariable = "XDG_CACHE_HOME"
	statNoExec    = 8
)

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
// only once the locked file is still the one at that path. The descriptor has
// no FD_CLOEXEC, so the app inherits the lock.
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

// tryLock locks a file for this process alone, with flock(2), until release.
func tryLock(path string) (release func(), answer lockAnswer) {
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return func() {}, noLocks
	}
	release = func() { syscall.Close(fd) }
	switch flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) {
	case nil:
		return release, lockedHere
	case syscall.EWOULDBLOCK:
		return release, lockedElsewhere
	}
	return release, noLocks
}

// removeLock takes the lock's name away while it is held: whoever opens it
// later finds out that it is no longer the one at that path.
func removeLock(path string, release func()) {
	os.Remove(path)
	release()
}

func mayRun(info os.FileInfo) bool { return info.Mode()&0o100 != 0 }

func freeBytes(base string) (free int64, isKnown bool) {
	var system syscall.Statfs_t
	if syscall.Statfs(base, &system) != nil || system.Bsize <= 0 || system.Blocks == 0 {
		return 0, false
	}
	return int64(system.Bavail) * int64(system.Bsize), true
}

func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// mayRenameLater: whatever is in the way here stays there.
func mayRenameLater(error) bool { return false }

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
