// The program that users start. The head of the single file, of the AppImage
// and of the portable .exe: it unpacks the app once and becomes it, or waits
// for it. And the launcher of an app folder on macOS and Windows.
// build/formats/payload.ts documents the single file.
package main

import (
	"errors"
	"os"
)

func main() {
	name, err := run(os.Args[1:])
	if err == nil {
		return
	}
	var known *fault
	if !errors.As(err, &known) {
		known = &fault{exitStart, "UNEXPECTED", err.Error() + ".", "start the app again"}
	}
	os.Stderr.WriteString(known.Error() + "\n")
	if name == "" {
		name = "The app"
	}
	show(name, known.message+"\n\n"+known.remedy)
	os.Exit(known.exit)
}
