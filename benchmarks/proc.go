package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times in /proc, on every machine that Linux runs on.
const tick = 10 * time.Millisecond

// cpuOf is the user and system time that processes have used so far.
func cpuOf(pids []int) (sum time.Duration, err error) {
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, fmt.Errorf("processor time: %w", err)
		}
		// The name of the program is in brackets and may hold anything.
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		const user, system = 14 - 3, 15 - 3 // the first field here is the third of proc(5)
		if len(fields) <= system {
			return 0, fmt.Errorf("/proc/%d/stat: %q", pid, data)
		}
		for _, f := range []string{fields[user], fields[system]} {
			n, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum, nil
}

// memoryOf is the resident memory of processes in bytes.
func memoryOf(pids []int) (sum int64, err error) {
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			return 0, fmt.Errorf("memory: %w", err)
		}
		fields := strings.Fields(string(data))
		if len(fields) < 2 {
			return 0, fmt.Errorf("/proc/%d/statm: %q", pid, data)
		}
		pages, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += pages * int64(os.Getpagesize())
	}
	return sum, nil
}

// waited is how long the threads of a process were ready, but not on a processor.
func waited(pid int) (sum time.Duration) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0
	}
	for _, t := range tasks {
		var ran, wait int64
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, t.Name()))
		if err != nil {
			continue
		}
		if _, err := fmt.Sscan(string(data), &ran, &wait); err == nil {
			sum += time.Duration(wait)
		}
	}
	return sum
}

// loadAverage is that of the last minute, as text.
func loadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	load, _, _ := strings.Cut(string(data), " ")
	return load
}
