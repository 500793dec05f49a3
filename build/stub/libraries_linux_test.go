package main

import (
	"encoding/binary"
	"strings"
	"testing"
)

func TestParseLibraryCache(t *testing.T) {
	header := make([]byte, cacheHeaderBytes)
	copy(header, cacheMagic)
	binary.LittleEndian.PutUint32(header[20:], 1)
	entry := make([]byte, cacheEntryBytes)
	binary.LittleEndian.PutUint32(entry[4:], cacheHeaderBytes+cacheEntryBytes)
	binary.LittleEndian.PutUint32(entry[8:], cacheHeaderBytes+cacheEntryBytes+8)
	text := string(header) + string(entry) + "libx.so\x00/opt/libx.so\x00"
	for _, before := range []string{"", "ld.so-1.7.0 old format"} {
		if got := parseLibraryCache([]byte(before + text)); len(got["libx.so"]) != 1 || got["libx.so"][0] != "/opt/libx.so" {
			t.Fatalf("%v", got)
		}
	}
	for length := range text {
		parseLibraryCache([]byte(text[:length]))
	}
}

func TestLibrariesFaultNamesThePackage(t *testing.T) {
	missing := []requirement{{"libx.so.1", map[string]string{"debian": "libx1", "fedora": "x"}}}
	for osRelease, want := range map[string]string{
		"ID=debian\n": "sudo apt install libx1",
		"ID=\"zorin\"\nID_LIKE=\"ubuntu debian\"\n": "sudo apt install libx1",
		"ID='fedora'":   "sudo dnf install x",
		"ID=arch":       "sudo pacman -S the package of libx.so.1",
		"ID=nixos":      "programs.nix-ld.libraries",
		"ID=unheard-of": "sudo apt install libx1\n  or  sudo dnf install x",
	} {
		fault := librariesFault("Notes", missing, osRelease)
		if fault.exit != exitUnavailable || !strings.Contains(fault.remedy, want) || !strings.Contains(fault.message, "libx.so.1") {
			t.Errorf("%q gave %s", osRelease, fault)
		}
	}
}

func TestHasLibrary(t *testing.T) {
	if !hasLibrary("libc.so.6", cachedLibraries()) {
		t.Error("libc.so.6 not found")
	}
	if hasLibrary("libnothing-of-the-kind.so.1", cachedLibraries()) {
		t.Error("found what is not there")
	}
}
