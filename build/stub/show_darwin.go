package main

import "os"

// show tells a user who started the app from Finder; in a terminal the text on
// stderr is enough.
func show(title, text string) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "" {
		return
	}
	process, err := os.StartProcess("/usr/bin/osascript", []string{
		"osascript", "-e", "on run argv", "-e", "display alert (item 1 of argv) message (item 2 of argv)", "-e", "end run", title, text,
	}, &os.ProcAttr{})
	if err == nil {
		process.Wait()
	}
}
