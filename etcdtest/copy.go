// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// copyTree copies a directory to a new place. Runs of zeros become holes, because etcd's log file has 64 MiB from the
// start.
func copyTree(dst, src string) error {
	return filepath.WalkDir(src, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dst, rel)
		if entry.IsDir() {
			return os.Mkdir(to, 0o700)
		}
		return copyFile(to, path)
	})
}

func copyFile(dst, src string) (err error) {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	buf, zeros := make([]byte, chunkSize), make([]byte, chunkSize)
	var size int64
	for {
		n, end := io.ReadFull(in, buf)
		if !bytes.Equal(buf[:n], zeros[:n]) {
			if _, err := out.WriteAt(buf[:n], size); err != nil {
				return err
			}
		}
		size += int64(n)
		if errors.Is(end, io.EOF) || errors.Is(end, io.ErrUnexpectedEOF) {
			return out.Truncate(size)
		}
		if end != nil {
			return end
		}
	}
}
