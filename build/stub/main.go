// The program that users start: on Linux the head of the single file, which
// unpacks the app once and becomes it; on macOS and Windows the launcher of
// the app folder. build/formats/payload.ts documents the single file.
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
