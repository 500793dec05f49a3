package main

import (
	"syscall"
	"unsafe"
)

const iconError = 0x10

// show opens a message box: this program has no console.
func show(title, text string) {
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
