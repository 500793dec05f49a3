package main

import (
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

// run is a portable file where a payload follows this program, and a launcher
// where launch.json lies beside it.
func run(args []string) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", damaged("this program cannot find itself: %s.", err)
	}
	if real, err := filepath.EvalSymlinks(program); err == nil {
		program = real
	}
	name := filepath.Base(program)
	file, err := os.Open(program)
	if err != nil {
		return name, &fault{exitFull, "FILE_UNREADABLE", program + " cannot be read: " + err.Error() + ".", "copy it to a folder of yours, and start it there"}
	}
	info, err := file.Stat()
	if err != nil {
		return name, damaged("%s: %s.", program, err)
	}
	single := singleFile{program: program, file: file, size: signedEnd(file, info.Size()), env: func(string) map[string]string {
		return map[string]string{"ERTH_FILE": program}
	}}
	appName, found, err := single.run(args)
	if found {
		return appName, err
	}
	if found, err = runLauncher(program, args, nil); found {
		return name, err
	}
	return name, damaged("%s is not whole: its end is missing, and there is no launch.json beside it.", program)
}

// startUnpacked starts the app behind its own launcher, which is this very
// program and would only stand in between.
func startUnpacked(ix *index, folder string, args []string, env map[string]string) error {
	if found, err := runLauncher(filepath.Join(folder, ix.launch.executable), args, env); found {
		return err
	}
	return ix.launch.start(folder, args, env)
}

// Where Microsoft's documentation of WebView2 says that its runtime registers:
// for all users (the 32-bit view) and for this one.
const webView2Client = `\Microsoft\EdgeUpdate\Clients\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}`

var webView2Places = []struct {
	root syscall.Handle
	path string
}{
	{syscall.HKEY_LOCAL_MACHINE, `SOFTWARE\WOW6432Node` + webView2Client},
	{syscall.HKEY_LOCAL_MACHINE, `SOFTWARE` + webView2Client},
	{syscall.HKEY_CURRENT_USER, `Software` + webView2Client},
}

func requirementsFault(ix *index) error {
	for _, r := range ix.requirements {
		if r.library == "WebView2" && !hasWebView2() {
			return &fault{exitUnavailable, "LIBRARY_MISSING",
				ix.name + " needs the Microsoft Edge WebView2 Runtime, which this system does not have.",
				"install it from " + r.packages["windows"] + ", then start the app again"}
		}
	}
	return nil
}

func hasWebView2() bool {
	for _, place := range webView2Places {
		if version := registryText(place.root, place.path, "pv"); version != "" && version != "0.0.0.0" {
			return true
		}
	}
	return false
}

func registryText(root syscall.Handle, path, name string) string {
	pathText, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return ""
	}
	var key syscall.Handle
	if syscall.RegOpenKeyEx(root, pathText, 0, syscall.KEY_QUERY_VALUE, &key) != nil {
		return ""
	}
	defer syscall.RegCloseKey(key)
	nameText, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return ""
	}
	var kind uint32
	var value [128]uint16
	size := uint32(len(value) * 2)
	if syscall.RegQueryValueEx(key, nameText, nil, &kind, (*byte)(unsafe.Pointer(&value[0])), &size) != nil || kind != syscall.REG_SZ {
		return ""
	}
	return syscall.UTF16ToString(value[:])
}
