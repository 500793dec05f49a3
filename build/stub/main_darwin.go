package main

import (
	"os"
	"path/filepath"
)

// On macOS the app is a folder, and this program is what the user
// double-clicks in it.
func run(args []string) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", damaged("this program cannot find itself: %s.", err)
	}
	if real, err := filepath.EvalSymlinks(program); err == nil {
		program = real
	}
	name := filepath.Base(program)
	found, err := runLauncher(program, args, nil)
	if !found {
		return name, damaged("there is no launch.json beside %s.", program)
	}
	return name, err
}
