//go:build !unix

package main

import "os/exec"

// apart does nothing: this system has no groups of processes.
func apart(*exec.Cmd) {}

func kill(cmd *exec.Cmd) error { return cmd.Process.Kill() }
