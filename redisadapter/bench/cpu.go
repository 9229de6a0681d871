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

// cpuOf returns the user and system time that a process has used so far.
func cpuOf(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("processor time, which needs Linux: %w", err)
	}
	// The name of the program is in brackets and may hold anything.
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	const user, system = 14 - 3, 15 - 3 // the first field here is the third of proc(5)
	if len(fields) <= system {
		return 0, fmt.Errorf("/proc/%d/stat: %q", pid, data)
	}
	return ticks(fields[user], fields[system])
}

// busy returns the time that all processors together have worked so far, for whomever.
func busy() (time.Duration, error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 {
		return 0, fmt.Errorf("/proc/stat: %q", line)
	}
	return ticks(fields[1], fields[2], fields[3], fields[6], fields[7], fields[8]) // not idle, not waiting for disks
}

func ticks(fields ...string) (time.Duration, error) {
	var sum int64
	for _, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * tick, nil
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

// meter is a reading of all clocks.
type meter struct {
	wall                             time.Time
	servers, redis, generator, whole time.Duration
}

func readMeter(servers []*process, redis int) (meter, error) {
	m := meter{wall: time.Now()}
	for _, p := range servers {
		cpu, err := cpuOf(p.cmd.Process.Pid)
		if err != nil {
			return m, err
		}
		m.servers += cpu
	}
	var err error
	if m.redis, err = cpuOf(redis); err != nil {
		return m, err
	}
	if m.generator, err = cpuOf(os.Getpid()); err != nil {
		return m, err
	}
	m.whole, err = busy()
	return m, err
}

// usage is what lies between two readings.
type usage struct {
	wall, servers, redis, generator, others time.Duration
}

func (m meter) since(before meter) usage {
	u := usage{wall: m.wall.Sub(before.wall), servers: m.servers - before.servers, redis: m.redis - before.redis, generator: m.generator - before.generator}
	u.others = max(m.whole-before.whole-u.servers-u.redis-u.generator, 0)
	return u
}
