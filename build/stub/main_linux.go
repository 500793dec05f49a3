package main

import (
	"os"
	"path/filepath"
	"strings"
)

// run is an AppImage or a single file where a payload follows this program,
// and a launcher where launch.json lies beside it.
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
	single := singleFile{program: program, file: file, env: func(string) map[string]string {
		return map[string]string{"ERTH_FILE": publishedFile(program)}
	}}
	if isAppImage(file) {
		image, rest, done, err := openAppImage(program, file, args)
		if done || err != nil {
			return name, err
		}
		single, args = image, rest
	}
	info, err := single.file.Stat()
	if err != nil {
		return name, damaged("%s: %s.", single.program, err)
	}
	single.size = info.Size()
	appName, found, err := single.run(args)
	if found {
		return appName, err
	}
	if found, err = runLauncher(program, args, nil); found {
		return name, err
	}
	return name, damaged("%s is not whole: its end is missing.", program)
}

// publishedFile is the file that an update replaces: where another AppImage
// runtime has mounted us and started our AppRun, the AppImage around it.
func publishedFile(program string) string {
	around, mounted := os.Getenv("APPIMAGE"), os.Getenv("APPDIR")
	if around != "" && mounted != "" && strings.HasPrefix(program, filepath.Clean(mounted)+"/") {
		return around
	}
	return program
}

func requirementsFault(ix *index) error {
	if missing := missingLibraries(ix.requirements); len(missing) > 0 {
		return librariesFault(ix.name, missing, readOSRelease())
	}
	return nil
}

func startUnpacked(ix *index, folder string, args []string, env map[string]string) error {
	return ix.launch.start(folder, args, env)
}
