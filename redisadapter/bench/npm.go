package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// findPackages returns the folder of the Node.js server, and installs the packages of its lock
// file unless that has been done since it changed.
func findPackages(ctx context.Context, dir string) (string, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%s is missing: install Node.js 20 or newer with npm (https://nodejs.org, or apt-get install nodejs npm)", program)
		}
	}
	if dir == "" {
		dir = "node" // in this folder, or from the top of the repository
		if _, err := os.Stat(filepath.Join(dir, "server.mjs")); err != nil {
			dir = filepath.Join("redisadapter", "bench", "node")
		}
	}
	lock, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return "", errors.Join(errors.New("the folder of the Node.js server is not here, name it with -node"), err)
	}
	list, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")) // npm leaves it behind
	if err == nil && list.ModTime().After(lock.ModTime()) {
		return dir, nil
	}
	cmd := exec.CommandContext(ctx, "npm", "ci")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci in %s: %w\n%s", dir, err, out)
	}
	return dir, nil
}
