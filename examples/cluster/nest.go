package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// oldestNode is the release of Node.js that the packages need.
const oldestNode = 20

// errNoNode says how to get what is missing.
var errNoNode = fmt.Errorf("there is no Node.js %d or newer with npm here: https://nodejs.org, or apt-get install nodejs npm", oldestNode)

// workshop is Node.js, and the folder with the gateway and the packages.
type workshop struct {
	node, dir string
}

// findWorkshop looks for Node.js and for the folder, and installs the packages of the lock file if they are not there.
func findWorkshop(ctx context.Context, dir string) (workshop, error) {
	node, err := findNode(ctx)
	if err != nil {
		return workshop{}, err
	}
	if dir == "" {
		dir = "nest" // in this folder, or from the top of the repository
		if _, err := os.Stat(filepath.Join(dir, "main.mjs")); err != nil {
			dir = filepath.Join("examples", "cluster", "nest")
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "main.mjs")); err != nil {
		return workshop{}, fmt.Errorf("the folder of the NestJS node is not here, name it with -nest: %w", err)
	}
	return workshop{node, dir}, install(ctx, dir)
}

func findNode(ctx context.Context) (string, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return "", errNoNode
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return "", errNoNode
	}
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("node --version: %w", err)
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
		return "", fmt.Errorf("this is Node.js %s: %w", version, errNoNode)
	}
	return node, nil
}

// install runs npm ci when the lock file is newer than what is there.
func install(ctx context.Context, dir string) error {
	lock, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return err
	}
	installed, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if err == nil && installed.ModTime().After(lock.ModTime()) {
		return nil
	}
	cmd := exec.CommandContext(ctx, "npm", "ci")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in %s: %w\n%s", dir, err, out)
	}
	return nil
}

// startNest starts a NestJS node on a port of the loopback interface, 0 for a free one, and returns its address.
func (w workshop) startNest(ctx context.Context, s settings, port int) (*child, string, error) {
	cmd := exec.Command(w.node, "main.mjs")
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), s.redis.environment()...)
	cmd.Env = append(cmd.Env, "NO_COLOR=1", "NODE_NAME="+nest, fmt.Sprintf("PORT=%d", port), "JWT_SECRET="+s.secret, "CORS_ORIGINS="+strings.Join(s.origins, ","))
	address := ""
	c, err := start(ctx, "the NestJS node", cmd, func(line string) bool {
		listening, found := strings.CutPrefix(line, "listening ")
		address = "127.0.0.1:" + listening
		return found
	})
	if err != nil {
		return nil, "", err
	}
	if _, err := strconv.Atoi(strings.TrimPrefix(address, "127.0.0.1:")); err != nil {
		return nil, "", errors.Join(fmt.Errorf("the NestJS node listens on %q: %w", address, err), c.stop())
	}
	return c, address, nil
}
