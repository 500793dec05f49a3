package main

import (
	"os"
	"syscall"
	"unsafe"
)

const iconError = 0x10

// show opens a message box: this program has no console. Where its stderr goes
// to a file or a pipe, the text has been read there.
func show(title, text string) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	titleText, err := syscall.UTF16PtrFromString(title)
	if err != nil {
		return
	}
	bodyText, err := syscall.UTF16PtrFromString(text)
	if err != nil {
		return
	}
	syscall.NewLazyDLL("user32.dll").NewProc("MessageBoxW").Call(0, uintptr(unsafe.Pointer(bodyText)), uintptr(unsafe.Pointer(titleText)), iconError)
}
