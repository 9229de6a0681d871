package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// nodeDir holds the server on Node.js, which the benchmark of the cluster uses too.
const nodeDir = "../redisadapter/bench/node"

// needPackages installs the packages of the lock file, unless that has been done since it changed.
func needPackages(ctx context.Context) error {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is missing: install Node.js 20 or newer with npm", program)
		}
	}
	lock, err := os.Stat(filepath.Join(nodeDir, "package-lock.json"))
	if err != nil {
		return fmt.Errorf("run this in the folder benchmarks, for instance with go -C benchmarks: %w", err)
	}
	list, err := os.Stat(filepath.Join(nodeDir, "node_modules", ".package-lock.json")) // npm leaves it behind
	if err == nil && list.ModTime().After(lock.ModTime()) {
		return nil
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund")
	cmd.Dir = nodeDir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in %s: %w\n%s", nodeDir, err, out)
	}
	return nil
}
