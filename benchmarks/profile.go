package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

// Each profiling line of a server's input begins a profile, or ends it.
const profileLine = "profile"

// profiler is what a server knows of the profile that is being made.
type profiler struct {
	path string // without the kind, which is the file's extension
	cpu  *os.File
}

// toggle begins a CPU profile and has the runtime watch who waits, or ends both and writes what there is. Sampling costs
// something: figures of such a run are for nothing else.
func (p *profiler) toggle() error {
	if p.cpu != nil {
		return p.end()
	}
	f, err := os.Create(p.path + ".cpu")
	if err != nil {
		return err
	}
	p.cpu = f
	runtime.SetBlockProfileRate(10_000) // nanoseconds: one sample for that much waiting
	runtime.SetMutexProfileFraction(10)
	return pprof.StartCPUProfile(f)
}

func (p *profiler) end() error {
	pprof.StopCPUProfile()
	err := p.cpu.Close()
	p.cpu = nil
	for _, name := range []string{"heap", "block", "mutex"} {
		f, e := os.Create(p.path + "." + name)
		if e == nil {
			e = errors.Join(pprof.Lookup(name).WriteTo(f, 0), f.Close())
		}
		err = errors.Join(err, e)
	}
	return err
}

// profilePath is where profiles of a system in a scenario go, in a folder that is made.
func profilePath(dir string, sc scenario, s system) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // profiles are no secret
		return "", err
	}
	dir, err := filepath.Abs(dir)
	return filepath.Join(dir, sc.name+"-"+s.name), err
}
