// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// wire knows a transport below gRPC: its last error, which gRPC reports only as a text within a text, and the bytes
// received, which gRPC reports only by message.
type wire struct {
	received atomic.Int64 // bytes

	mu   sync.Mutex
	last error
}

func (w *wire) keep(err error) error {
	if err != nil && !errors.Is(err, context.Canceled) {
		w.mu.Lock()
		w.last = err
		w.mu.Unlock()
	}
	return err
}

func (w *wire) get() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}
