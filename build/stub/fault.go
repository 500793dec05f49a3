package main

import "fmt"

// Exit codes after sysexits(3), where it has a fitting one.
const (
	exitUsage       = 64
	exitUnavailable = 69 // a system library is missing
	exitDamaged     = 70 // the file is not what was published
	exitStart       = 71 // the app could not be started
	exitNoFolder    = 73 // nowhere to unpack to
	exitFull        = 74 // the disk is full, or reading or writing failed
)

// fault is an expected failure: a stable code, what happened, what to do.
type fault struct {
	exit                  int
	code, message, remedy string
}

func (f *fault) Error() string {
	return fmt.Sprintf("error[%s] %s\n  do  %s", f.code, f.message, f.remedy)
}

func damaged(format string, values ...any) *fault {
	return &fault{exitDamaged, "FILE_DAMAGED", fmt.Sprintf(format, values...), "download the app again"}
}
