package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// missingLibraries looks for shared libraries where ld.so(8) would:
// LD_LIBRARY_PATH, ld.so.cache, the default folders.
func missingLibraries(needed []requirement) []requirement {
	var missing []requirement
	cached := cachedLibraries()
	for _, r := range needed {
		if !hasLibrary(r.library, cached) {
			missing = append(missing, r)
		}
	}
	return missing
}

func hasLibrary(name string, cached map[string][]string) bool {
	for _, folder := range libraryFolders() {
		if isLibraryForUs(filepath.Join(folder, name)) {
			return true
		}
	}
	for _, path := range cached[name] {
		if isLibraryForUs(path) {
			return true
		}
	}
	return false
}

func libraryFolders() []string {
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	folders := strings.FieldsFunc(os.Getenv("LD_LIBRARY_PATH"), func(r rune) bool { return r == ':' || r == ';' })
	for _, root := range []string{"/lib", "/usr/lib", "/usr/local/lib"} {
		folders = append(folders, root+"/"+triplet, root+"64", root)
	}
	// Nix has none of the above; nix-ld and the system profile have these.
	if nix := os.Getenv("NIX_LD_LIBRARY_PATH"); nix != "" {
		folders = append(folders, strings.Split(nix, ":")...)
	}
	return append(folders, "/run/current-system/sw/share/nix-ld/lib")
}

// isLibraryForUs tells whether there is an ELF file of this machine's kind:
// /usr/lib is the 32-bit folder on Fedora and the 64-bit one on Arch.
func isLibraryForUs(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	var header [20]byte
	if count, _ := file.ReadAt(header[:], 0); count != len(header) {
		return false
	}
	machine := map[string]uint16{"amd64": 62, "arm64": 183}[runtime.GOARCH]
	return string(header[:5]) == "\x7fELF\x02" && binary.LittleEndian.Uint16(header[18:]) == machine
}

const (
	cacheMagic       = "glibc-ld.so.cache1.1"
	cacheHeaderBytes = 48
	cacheEntryBytes  = 24
)

// cachedLibraries reads ld.so.cache, sysdeps/generic/dl-cache.h of glibc: the
// new format, alone or after the old one. A cache it cannot read is an empty one.
func cachedLibraries() map[string][]string {
	text, err := os.ReadFile("/etc/ld.so.cache")
	if err != nil {
		return nil
	}
	return parseLibraryCache(text)
}

func parseLibraryCache(text []byte) map[string][]string {
	start := bytes.Index(text, []byte(cacheMagic))
	if start < 0 || len(text)-start < cacheHeaderBytes {
		return nil
	}
	text = text[start:]
	count := int(binary.LittleEndian.Uint32(text[20:]))
	if count > (len(text)-cacheHeaderBytes)/cacheEntryBytes {
		return nil
	}
	libraries := map[string][]string{}
	for at := cacheHeaderBytes; at < cacheHeaderBytes+count*cacheEntryBytes; at += cacheEntryBytes {
		name, okName := textAt(text, binary.LittleEndian.Uint32(text[at+4:]))
		path, okPath := textAt(text, binary.LittleEndian.Uint32(text[at+8:]))
		if okName && okPath {
			libraries[name] = append(libraries[name], path)
		}
	}
	return libraries
}

func textAt(text []byte, at uint32) (string, bool) {
	if int64(at) >= int64(len(text)) {
		return "", false
	}
	length := bytes.IndexByte(text[at:], 0)
	if length < 0 {
		return "", false
	}
	return string(text[at : int(at)+length]), true
}

// families gives each distribution family's ways to install, by the IDs of os-release(5).
var families = []struct{ name, ids, install string }{
	{"debian", " debian ubuntu linuxmint pop raspbian ", "sudo apt install"},
	{"fedora", " fedora rhel centos rocky almalinux ", "sudo dnf install"},
	{"arch", " arch manjaro endeavouros cachyos ", "sudo pacman -S"},
	{"suse", " suse opensuse opensuse-leap opensuse-tumbleweed sles ", "sudo zypper install"},
}

// librariesFault names the packages to install on this distribution, or on all where it is unknown.
func librariesFault(name string, missing []requirement, osRelease string) *fault {
	var libraries []string
	for _, r := range missing {
		libraries = append(libraries, r.library)
	}
	message := fmt.Sprintf("%s needs %s, which this system does not have.", name, strings.Join(libraries, ", "))
	ids := distributionIDs(osRelease)
	var commands []string
	for _, id := range ids {
		if id == "nixos" {
			return &fault{exitUnavailable, "LIBRARY_MISSING", message, "add the packages of these libraries to programs.nix-ld.libraries and set programs.nix-ld.enable = true"}
		}
	}
	for _, family := range families {
		command := family.install + packagesOf(missing, family.name)
		for _, id := range ids {
			if strings.Contains(family.ids, " "+id+" ") {
				return &fault{exitUnavailable, "LIBRARY_MISSING", message, command}
			}
		}
		commands = append(commands, command)
	}
	return &fault{exitUnavailable, "LIBRARY_MISSING", message, strings.Join(commands, "\n  or  ")}
}

func packagesOf(missing []requirement, family string) string {
	text := ""
	for _, r := range missing {
		name := r.packages[family]
		if name == "" {
			name = "the package of " + r.library
		}
		if !strings.Contains(text+" ", " "+name+" ") {
			text += " " + name
		}
	}
	return text
}

// distributionIDs gives ID and then ID_LIKE of os-release(5).
func distributionIDs(osRelease string) []string {
	values := map[string]string{}
	for _, line := range strings.Split(osRelease, "\n") {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[name] = strings.Trim(value, "\"'")
		}
	}
	return strings.Fields(values["ID"] + " " + values["ID_LIKE"])
}

func readOSRelease() string {
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if text, err := os.ReadFile(path); err == nil {
			return string(text)
		}
	}
	return ""
}
