package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// run is the single file where a payload follows this program, and a launcher
// where launch.json lies beside it.
func run(args []string) (string, error) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return "", damaged("this program cannot find itself: %s.", err)
	}
	name := filepath.Base(program)
	// /proc/self/exe also works where the file has been replaced by an update meanwhile.
	file, err := os.Open("/proc/self/exe")
	if err != nil {
		return name, &fault{exitFull, "FILE_UNREADABLE", program + " cannot be read: " + err.Error() + ".", "make the file readable: chmod u+rx " + program}
	}
	info, err := file.Stat()
	if err != nil {
		return name, damaged("%s: %s.", program, err)
	}
	ix, err := readIndex(file, info.Size())
	if err != nil {
		return name, err
	}
	if ix == nil {
		found, err := runLauncher(program, args)
		if !found {
			return name, damaged("%s is not whole: its end is missing.", program)
		}
		return name, err
	}
	if len(args) > 0 && strings.HasPrefix(args[0], "--erth-") {
		if done, err := runTool(args, ix, file); done || err != nil {
			return ix.name, err
		}
	}
	if missing := missingLibraries(ix.requirements); len(missing) > 0 {
		return ix.name, librariesFault(ix.name, missing, readOSRelease())
	}
	folder, err := openFolder(ix, file)
	if err != nil {
		return ix.name, err
	}
	return ix.name, ix.launch.start(folder, args, map[string]string{"ERTH_FILE": program})
}

// runTool serves the flags that are the file's own, not the app's.
func runTool(args []string, ix *index, file *os.File) (done bool, err error) {
	switch args[0] {
	case "--erth-info":
		os.Stdout.WriteString(describe(ix))
		return true, nil
	case "--erth-verify":
		if err := eachFrame(ix, func(fr *frame) error { return decodeFrame(file, fr, nil) }); err != nil {
			return true, err
		}
		fmt.Printf("%s %s: %d files, %d bytes, all as published\n", ix.name, ix.version, ix.files, ix.unpackedBytes)
		return true, nil
	case "--erth-extract":
		if len(args) != 2 {
			return true, &fault{exitUsage, "USAGE", "--erth-extract takes one folder.", args[0] + " <folder>"}
		}
		if err := os.Mkdir(args[1], 0o755); err != nil {
			return true, &fault{exitNoFolder, "NO_FOLDER", err.Error() + ".", "name a folder that does not exist yet"}
		}
		err := unpackTree(file, ix, args[1])
		if err == nil {
			err = checkFiles(ix, args[1])
		}
		if err != nil {
			os.RemoveAll(args[1])
		}
		return true, err
	}
	return false, nil
}

func describe(ix *index) string {
	text := "{"
	for _, pair := range [][2]string{{"name", ix.name}, {"identifier", ix.identifier}, {"version", ix.version}, {"id", ix.id}} {
		text += quoteJSON(pair[0]) + ":" + quoteJSON(pair[1]) + ","
	}
	var libraries []string
	for _, r := range ix.requirements {
		libraries = append(libraries, quoteJSON(r.library))
	}
	return text + fmt.Sprintf(`"frames":%d,"files":%d,"unpackedBytes":%d,"requirements":[%s]}`+"\n",
		len(ix.frames), ix.files, ix.unpackedBytes, strings.Join(libraries, ","))
}
