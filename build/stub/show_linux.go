package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// dialogs are the programs that desktops bring for this, best first.
var dialogs = []func(title, text string) []string{
	func(title, text string) []string {
		return []string{"zenity", "--error", "--no-markup", "--title=" + title, "--text=" + text}
	},
	func(title, text string) []string { return []string{"kdialog", "--title", title, "--error", text} },
	func(title, text string) []string { return []string{"xmessage", "-center", title + "\n\n" + text} },
	func(title, text string) []string {
		return []string{"notify-send", "--urgency=critical", "--", title, text}
	},
}

// show tells a user who started the app from a desktop; in a terminal the text
// on stderr is enough.
func show(title, text string) {
	if (os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "") || isTerminal(2) {
		return
	}
	for _, dialog := range dialogs {
		argv := dialog(title, text)
		path := findProgram(argv[0])
		if path == "" {
			continue
		}
		process, err := os.StartProcess(path, argv, &os.ProcAttr{Files: []*os.File{nil, nil, nil}})
		if err != nil {
			continue
		}
		if state, err := process.Wait(); err == nil && state.ExitCode() >= 0 && state.ExitCode() <= 1 {
			return
		}
	}
}

func isTerminal(fd uintptr) bool {
	var termios [64]byte
	return ioctl(fd, syscall.TCGETS, &termios) == 0
}

func findProgram(name string) string {
	for _, folder := range strings.Split(os.Getenv("PATH"), ":") {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && filepath.IsAbs(path) {
			return path
		}
	}
	return ""
}
