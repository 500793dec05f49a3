package main

import (
	"os"
	"path/filepath"
	"strings"
)

// launch says how to start an app folder; paths are relative to it, "/"
// separated. It is `Launch` of build/artifacts/artifact.ts.
type launch struct {
	executable string
	args       []string
	cwd        string
	env        map[string]string
}

func parseLaunch(f *fields) launch {
	return launch{f.text("executable"), f.texts("args"), f.text("cwd"), f.textMap("env")}
}

// start hands over to the app with the user's arguments after its own. It
// returns only where the app could not be started, except on Windows, where
// it waits for the app and passes on its exit code.
func (l launch) start(folder string, userArgs []string, extraEnv map[string]string) error {
	executable := filepath.Join(folder, filepath.FromSlash(l.executable))
	cwd := filepath.Join(folder, filepath.FromSlash(l.cwd))
	env := map[string]string{}
	for _, pair := range os.Environ() {
		// Windows has variables that begin with "="; anything may hand us an empty one.
		if at := strings.IndexByte(pair[min(1, len(pair)):], '='); at >= 0 {
			env[pair[:at+1]] = pair[at+2:]
		}
	}
	for _, more := range []map[string]string{l.env, extraEnv, {"PWD": cwd}} {
		for name, value := range more {
			env[name] = value
		}
	}
	var pairs []string
	for name, value := range env {
		pairs = append(pairs, name+"="+value)
	}
	if err := os.Chdir(cwd); err != nil {
		return &fault{exitStart, "APP_NOT_STARTED", err.Error() + ".", "install the app again"}
	}
	argv := append(append([]string{executable}, l.args...), userArgs...)
	err := replaceProcess(executable, argv, pairs)
	return &fault{exitStart, "APP_NOT_STARTED", executable + " could not be started: " + err.Error() + ".", "install the app again"}
}

// runLauncher starts the app described by launch.json beside a program, or in
// ../Resources as macOS bundles have it. found is false where there is none.
func runLauncher(program string, args []string, env map[string]string) (found bool, err error) {
	beside := filepath.Dir(program)
	for _, folder := range []string{beside, filepath.Join(filepath.Dir(beside), "Resources")} {
		text, err := os.ReadFile(filepath.Join(folder, "launch.json"))
		if err != nil {
			continue
		}
		value, err := parseJSON(text)
		if err != nil {
			return true, damaged("%s cannot be read: %s.", filepath.Join(folder, "launch.json"), err)
		}
		f := fieldsOf(value)
		l := parseLaunch(f)
		if f.bad || l.executable == "" {
			return true, damaged("%s lacks a field, or has one of a wrong type.", filepath.Join(folder, "launch.json"))
		}
		return true, l.start(folder, args, env)
	}
	return false, nil
}
