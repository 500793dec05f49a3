//go:build unix

package main

import "syscall"

// replaceProcess becomes the app: no process of ours stays.
func replaceProcess(executable string, argv, env []string) error {
	return syscall.Exec(executable, argv, env)
}
