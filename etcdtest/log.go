// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"io"
	"os"
)

// logLimit is how much of a log is kept in memory.
const logLimit = 1 << 20

// Log returns what the server has written so far, over all its restarts. etcd writes JSON lines. Of a long log it
// returns the last MiB. It works after [Cluster.Close] too.
func (s *server) Log() string {
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	if last != "" {
		return last
	}
	f, err := os.Open(s.logPath)
	if err != nil {
		return ""
	}
	defer f.Close()
	cut := false
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		cut = size > logLimit
		_, _ = f.Seek(max(0, size-logLimit), io.SeekStart)
	}
	text, _ := io.ReadAll(io.LimitReader(f, logLimit))
	if cut {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return string(text)
}
