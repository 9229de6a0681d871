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

// clock is the user and system time that processes have used so far: whole ticks, of all threads that there ever were, and to the nanosecond, of
// those that there are.
type clock struct{ ticks, exact time.Duration }

// since is the time between two readings. The exact one is believed if the other does not contradict it, as it does when a thread has ended.
func (c clock) since(before clock) time.Duration {
	ticks, exact := c.ticks-before.ticks, c.exact-before.exact
	if (ticks - exact).Abs() <= 5*tick {
		return exact
	}
	return ticks
}

func readClock(pids []int) (clock, error) {
	var c clock
	var err error
	if c.ticks, err = ticksOf(pids); err != nil {
		return c, err
	}
	for _, pid := range pids {
		ran, _ := scheduled(pid)
		c.exact += ran
	}
	return c, nil
}

func ticksOf(pids []int) (sum time.Duration, err error) {
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

// scheduled is how long the threads of a process were on a processor, and how long they waited for one.
func scheduled(pid int) (ran, waited time.Duration) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0, 0
	}
	for _, t := range tasks {
		var r, w time.Duration
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, t.Name()))
		if err != nil {
			continue
		}
		if _, err := fmt.Sscanf(string(data), "%d %d", &r, &w); err == nil {
			ran, waited = ran+r, waited+w
		}
	}
	return ran, waited
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
