//go:build !linux

package readpoll

import (
	"errors"
	"syscall"
)

// set cannot be made here.
type set struct{}

func newSet() (*set, error)                       { return nil, errors.ErrUnsupported }
func (*set) close()                               {}
func (*set) add(syscall.RawConn, uint64) error    { return errors.ErrUnsupported }
func (*set) wait(*[maxEvents]uint64) (int, error) { return 0, errors.ErrUnsupported }

// Read is never called, since there is no Watch.
func (*Watch) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }
