package main

import (
	"fmt"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// What an AppImage of type 2 has around the single file: AppImageSpec, and the
// flags of its reference runtime. build/formats/appimage.ts lays the file out.
const (
	appImageHeadBytes   = 12 << 10
	updateInfoOffset    = 2 << 10
	signatureOffset     = 3 << 10
	sectionBytes        = 1 << 10
	extractedFolder     = "squashfs-root"
	appImageMagic       = "AI\x02"
	appImageMagicOffset = 8
)

const appImageHelp = `AppImage options:

  --appimage-extract [<pattern>]  Unpack the AppDir, or what matches, to ./squashfs-root
  --appimage-extract-and-run      Start the app; it is unpacked once anyway, without FUSE
  --appimage-mount                Show the AppDir in a temporary folder until stopped
  --appimage-offset               Print where the file system image begins
  --appimage-portable-home        Make a folder beside this file that will be the app's home
  --appimage-portable-config      Make a folder beside this file for the app's settings
  --appimage-signature            Print the embedded signature
  --appimage-updateinfo[rmation]  Print the embedded update information
  --appimage-version              Print the version of this runtime

  --erth-info, --erth-verify, --erth-extract <folder>
                                  Describe, check, unpack the app inside
`

func isAppImage(file *os.File) bool {
	var magic [len(appImageMagic)]byte
	_, err := file.ReadAt(magic[:], appImageMagicOffset)
	return err == nil && string(magic[:]) == appImageMagic
}

// openAppImage serves the flags of AppImages, or says what to start and with
// which arguments. TARGET_APPIMAGE names another file to be the runtime of.
func openAppImage(program string, file *os.File, args []string) (s singleFile, rest []string, done bool, err error) {
	if target := os.Getenv("TARGET_APPIMAGE"); target != "" {
		if program, err = filepath.Abs(target); err == nil {
			file, err = os.Open(program)
		}
		if err != nil || !isAppImage(file) {
			return s, nil, false, &fault{exitUsage, "NO_APPIMAGE", target + " is not an AppImage that can be read.", "name one in TARGET_APPIMAGE, or unset it"}
		}
	}
	if len(args) > 0 && strings.HasPrefix(args[0], "--appimage-") {
		if args[0] != "--appimage-extract-and-run" {
			return s, nil, true, runAppImageTool(args, program, file)
		}
		args = args[1:]
	}
	folder, err := os.Getwd()
	if err != nil {
		folder = "/"
	}
	usePortableFolder("HOME", program+".home")
	usePortableFolder("XDG_CONFIG_HOME", program+".config")
	env := func(unpacked string) map[string]string {
		return map[string]string{"APPIMAGE": program, "APPDIR": unpacked, "ARGV0": os.Args[0], "OWD": folder, "ERTH_FILE": program}
	}
	return singleFile{program: program, file: file, env: env}, args, false, nil
}

func usePortableFolder(variable, folder string) {
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		os.Setenv(variable, folder)
	}
}

func runAppImageTool(args []string, program string, file *os.File) error {
	switch args[0] {
	case "--appimage-help":
		os.Stdout.WriteString(appImageHelp)
	case "--appimage-version":
		os.Stderr.WriteString("AppImage runtime version: erth 1, type 2\n")
	case "--appimage-offset":
		fmt.Println(appImageHeadBytes)
	case "--appimage-updateinfo", "--appimage-updateinformation":
		return printSection(file, updateInfoOffset)
	case "--appimage-signature":
		return printSection(file, signatureOffset)
	case "--appimage-portable-home":
		return makePortableFolder(program + ".home")
	case "--appimage-portable-config":
		return makePortableFolder(program + ".config")
	case "--appimage-extract":
		if len(args) > 2 {
			return &fault{exitUsage, "USAGE", "--appimage-extract takes one pattern at most.", args[0] + " '<pattern>'"}
		}
		return extractAppDir(file, extractedFolder, append(args, "")[1], os.Stdout)
	case "--appimage-mount":
		return showAppDir(program, file)
	default:
		return &fault{exitUsage, "USAGE", args[0] + " is not known to this AppImage.", "--appimage-help"}
	}
	return nil
}

func printSection(file *os.File, offset int64) error {
	var text [sectionBytes]byte
	if _, err := file.ReadAt(text[:], offset); err != nil {
		return damaged("its head is cut off: %s.", err)
	}
	printed, _, _ := strings.Cut(string(text[:]), "\x00")
	fmt.Println(printed)
	return nil
}

func makePortableFolder(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil && !os.IsExist(err) {
		return &fault{exitNoFolder, "NO_FOLDER", err.Error() + ".", "move the AppImage to a folder that can be written"}
	}
	fmt.Println("Made " + folder + ": remove it to use your own again")
	return nil
}

// extractAppDir writes the image's content to a folder, as unsquashfs would.
// With a pattern (shell style, "/" is not matched by "*"), only what matches
// it and what is in matching folders. It follows no link that it finds there.
func extractAppDir(file *os.File, folder, pattern string, report *os.File) error {
	image, err := openSquash(file, appImageHeadBytes)
	if err != nil {
		return err
	}
	var folders []squashEntry
	err = image.walk(func(e squashEntry) error {
		isWanted := e.path == "" || matchesLeading(pattern, e.path)
		place := filepath.Join(folder, e.path)
		if !isWanted {
			return nil
		}
		if report != nil && e.path != "" {
			fmt.Fprintln(report, place)
		}
		if err := makePlain(folder, path.Dir(e.path)); err != nil {
			return extractFault(err)
		}
		if e.kind == kindFolder {
			folders = append(folders, e)
			return extractFault(makePlain(folder, e.path))
		}
		return extractFault(writeEntry(e, place))
	})
	for at := len(folders) - 1; at >= 0 && err == nil; at-- {
		place, e := filepath.Join(folder, folders[at].path), folders[at]
		if err = os.Chmod(place, os.FileMode(e.mode)); err == nil {
			err = extractFault(os.Chtimes(place, time.Unix(e.modified, 0), time.Unix(e.modified, 0)))
		}
	}
	return err
}

// matchesLeading tells whether the pattern matches the path or a folder on its way.
func matchesLeading(pattern, name string) bool {
	for ; pattern != "" && name != "."; name = path.Dir(name) {
		if matched, err := path.Match(pattern, name); matched && err == nil {
			return true
		}
	}
	return pattern == ""
}

// makePlain makes real folders of every name on the path, whatever was there.
func makePlain(root, below string) error {
	place := root
	for _, name := range append([]string{""}, strings.Split(below, "/")...) {
		place = filepath.Join(place, name)
		info, err := os.Lstat(place)
		if err == nil && info.IsDir() {
			continue
		}
		if err == nil {
			if err := os.Remove(place); err != nil {
				return err
			}
		}
		if err := os.Mkdir(place, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func writeEntry(e squashEntry, place string) error {
	if err := os.RemoveAll(place); err != nil {
		return err
	}
	if e.kind == kindLink {
		return os.Symlink(e.link, place)
	}
	to, err := os.OpenFile(place, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = to.ReadFrom(e.content)
	if err == nil {
		err = to.Chmod(os.FileMode(e.mode))
	}
	if closed := to.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chtimes(place, time.Unix(e.modified, 0), time.Unix(e.modified, 0))
	}
	return err
}

func extractFault(err error) error {
	if err == nil {
		return nil
	}
	return &fault{exitFull, "EXTRACT_FAILED", err.Error() + ".", "go to a folder that can be written and has room, then do it again"}
}

// showAppDir stands in for a mount: it needs neither FUSE nor its privileges.
// The AppDir is unpacked, its place printed; it goes when this process ends.
func showAppDir(program string, file *os.File) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	name := filepath.Base(program)
	folder, err := os.MkdirTemp("", ".mount_"+name[:min(len(name), 6)]+"*")
	if err != nil {
		return extractFault(err)
	}
	defer os.RemoveAll(folder)
	if err := extractAppDir(file, folder, "", nil); err != nil {
		return err
	}
	fmt.Println(folder)
	<-stop
	return nil
}
