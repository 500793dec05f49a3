package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"
)

// What moves the cache, for messages.
const cacheVariable = "ERTH_HOME"

const (
	errorAccessDenied     = syscall.Errno(5)
	errorSharingViolation = syscall.Errno(32)
	errorHandleDiskFull   = syscall.Errno(39)
	errorDiskFull         = syscall.Errno(112)
	fileShareNothing      = 0
)

// candidates follows runtime/base/folders.ts; what a user's profile holds is theirs alone.
func candidates(identifier string) []string {
	var bases []string
	add := func(variable string, more ...string) {
		if folder := os.Getenv(variable); filepath.IsAbs(folder) {
			bases = append(bases, filepath.Join(append([]string{folder}, more...)...))
		}
	}
	add("ERTH_HOME", "cache", "app")
	if os.Getenv("LOCALAPPDATA") != "" {
		add("LOCALAPPDATA", identifier, "cache", "app")
	} else {
		add("USERPROFILE", "AppData", "Local", identifier, "cache", "app")
	}
	add("TEMP", identifier, "app")
	return bases
}

// prepare makes the folder.
func prepare(base string) error {
	if err := os.MkdirAll(base, 0o700); err != nil {
		return &unusable{err.Error()}
	}
	if info, err := os.Lstat(base); err != nil || !info.IsDir() {
		return &unusable{"it is not a folder"}
	}
	return nil
}

// Locks are open files that are not shared: the system closes them with the process.
func openLock(path string, access, share uint32) (syscall.Handle, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return syscall.InvalidHandle, err
	}
	return syscall.CreateFile(name, access, share, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
}

// holdShared keeps the version from being removed while this process lives,
// which ends after the app. A scanner may have the file open for a moment.
func holdShared(path string) error {
	for end := time.Now().Add(lockPatience); ; time.Sleep(lockPollPause) {
		_, err := openLock(path, syscall.GENERIC_READ, syscall.FILE_SHARE_READ)
		if err == nil {
			return nil
		}
		if err != errorSharingViolation || time.Now().After(end) {
			return &unusable{err.Error()}
		}
	}
}

func tryLock(path string) (release func(), answer lockAnswer) {
	handle, err := openLock(path, syscall.GENERIC_READ|syscall.GENERIC_WRITE, fileShareNothing)
	switch err {
	case nil:
		return func() { syscall.CloseHandle(handle) }, lockedHere
	case errorSharingViolation:
		return func() {}, lockedElsewhere
	}
	return func() {}, noLocks
}

// removeLock: an open file cannot be removed, so one that is held meanwhile stays.
func removeLock(path string, release func()) {
	release()
	os.Remove(path)
}

func mayRun(os.FileInfo) bool { return true }

func freeBytes(base string) (free int64, isKnown bool) {
	name, err := syscall.UTF16PtrFromString(base)
	if err != nil {
		return 0, false
	}
	var available uint64
	found, _, _ := syscall.NewLazyDLL("kernel32.dll").NewProc("GetDiskFreeSpaceExW").Call(
		uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&available)), 0, 0)
	return int64(available), found != 0
}

func isDiskFull(err error) bool {
	return errors.Is(err, errorDiskFull) || errors.Is(err, errorHandleDiskFull)
}

// mayRenameLater tells a scanner that has a file of the folder open.
func mayRenameLater(err error) bool {
	return errors.Is(err, errorAccessDenied) || errors.Is(err, errorSharingViolation)
}

// syncTree makes the tree durable before its name is.
func syncTree(folder string) error {
	return filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer file.Close()
		return file.Sync()
	})
}

// syncFolder: NTFS journals names.
func syncFolder(string) {}
