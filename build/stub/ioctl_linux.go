package main

import (
	"syscall"
	"unsafe"
)

func ioctl(fd uintptr, request uintptr, into *[64]byte) syscall.Errno {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(into)))
	return errno
}
