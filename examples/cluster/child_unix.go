//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// apart puts a program into a group of its own, so that Ctrl-C in a terminal ends this program only, which then ends the others
// in order.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// kill ends the group.
func kill(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
