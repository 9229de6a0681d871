package main

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"
)

// startOn starts a program that is bound to one processor from its first instruction, so that its runtime sees no other. A
// negative one leaves it free.
func startOn(cpu int, cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if cpu < 0 {
		return cmd.Start()
	}
	runtime.LockOSThread() // a child has the affinity of the thread that made it
	defer runtime.UnlockOSThread()
	var before, one cpuSet
	one[cpu/bitsPerWord] = 1 << (cpu % bitsPerWord)
	if err := affinity(syscall.SYS_SCHED_GETAFFINITY, &before); err != nil {
		return err
	}
	if err := affinity(syscall.SYS_SCHED_SETAFFINITY, &one); err != nil {
		return err
	}
	err := cmd.Start()
	if e := affinity(syscall.SYS_SCHED_SETAFFINITY, &before); err == nil {
		err = e
	}
	return err
}

const bitsPerWord = 32 << (^uintptr(0) >> 63)

// cpuSet has a bit for each of 1,024 processors.
type cpuSet [1024 / bitsPerWord]uintptr

func affinity(call uintptr, m *cpuSet) error {
	if _, _, errno := syscall.RawSyscall(call, 0, unsafe.Sizeof(*m), uintptr(unsafe.Pointer(m))); errno != 0 {
		return os.NewSyscallError("sched_affinity", errno)
	}
	return nil
}
