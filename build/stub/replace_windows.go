package main

import (
	"os"
	"syscall"
	"unsafe"
)

const (
	createNoWindow     = 0x08000000
	jobExtendedLimits  = 9
	limitBreakawayOK   = 0x0800
	limitKillOnClose   = 0x2000
	extendedLimitBytes = 144 // JOBOBJECT_EXTENDED_LIMIT_INFORMATION on 64 bits
	limitFlagsOffset   = 16
)

// replaceProcess starts the app, waits for it and exits as it did. Windows has
// no exec, so a job object ties the app's life to ours.
func replaceProcess(executable string, argv, env []string) error {
	joinKillingJob()
	var files []*os.File
	for _, file := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if file == nil {
			file, _ = os.OpenFile(os.DevNull, os.O_RDWR, 0)
		}
		files = append(files, file)
	}
	process, err := os.StartProcess(executable, argv, &os.ProcAttr{
		Env:   env,
		Files: files,
		// The app is a console program; without this a console window would open.
		Sys: &syscall.SysProcAttr{CreationFlags: createNoWindow},
	})
	if err != nil {
		return err
	}
	state, err := process.Wait()
	if err != nil {
		return err
	}
	os.Exit(state.ExitCode())
	return nil
}

// joinKillingJob puts this process into a job that ends its members when the
// last handle closes, which is when we end. Children are born into it, so
// there is no moment in which one could escape; an updater may break away.
// Where the system refuses, the app still starts.
func joinKillingJob() {
	kernel := syscall.NewLazyDLL("kernel32.dll")
	job, _, _ := kernel.NewProc("CreateJobObjectW").Call(0, 0)
	if job == 0 {
		return
	}
	var limits [extendedLimitBytes]byte
	*(*uint32)(unsafe.Pointer(&limits[limitFlagsOffset])) = limitKillOnClose | limitBreakawayOK
	set, _, _ := kernel.NewProc("SetInformationJobObject").Call(job, jobExtendedLimits, uintptr(unsafe.Pointer(&limits)), extendedLimitBytes)
	if set == 0 {
		return
	}
	self, _ := syscall.GetCurrentProcess()
	kernel.NewProc("AssignProcessToJobObject").Call(job, uintptr(self))
}
