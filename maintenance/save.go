// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// SaveSnapshot saves a snapshot to a file that only its owner may read. It writes to another file in the same folder,
// checks it, syncs it to disk, and renames it to path. So path has a whole snapshot or, after an error, what it had
// before, and nothing else is left. progress, which may be nil, gets the number of bytes written and the total; the
// check of the digest follows after the last byte. parent limits the whole function, and WithTimeout its start. The
// errors are those of [Snapshot], of [SnapshotReader.Read] and of the file system. An empty path is kv.ErrInvalid. It
// calls Maintenance/Snapshot.
func SaveSnapshot(parent context.Context, c Request, path string, progress func(done, total int64)) (err error) {
	err = checkSnapshot(parent, c)
	if path == "" {
		err = render.AlsoInvalid(err, "maintenance: SaveSnapshot needs a path")
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("maintenance: save snapshot: %w", tell.Error(err)) // a path may hold a line break
		}
	}()
	// A rename would replace a device too, and for a folder it would fail only at the end.
	if is, err := os.Stat(path); err == nil && !is.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	// This comes first, so that a missing folder does not cost the server a snapshot.
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*")
	if err != nil {
		return err
	}
	renamed := false
	defer func() {
		if !renamed { // also where progress panics
			_ = file.Close() // it may be closed already
			_ = os.Remove(file.Name())
		}
	}()
	if err := receive(parent, c, file, progress); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	renamed = true
	syncFolder(filepath.Dir(path))
	return nil
}

// receive writes a snapshot.
func receive(parent context.Context, c ctx.Ctx, to io.Writer, progress func(done, total int64)) error {
	reader, err := Snapshot(parent, c)
	if err != nil {
		return err
	}
	defer reader.Close()
	if progress != nil {
		to = &progressWriter{to: to, total: reader.Size(), tell: progress}
	}
	_, err = io.Copy(to, reader)
	return err
}

// syncFolder syncs the new name to disk, if the system lets folders be synced.
func syncFolder(path string) {
	if folder, err := os.Open(path); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
}

type progressWriter struct {
	to          io.Writer
	done, total int64
	tell        func(done, total int64)
}

func (w *progressWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.done += int64(n)
	w.tell(w.done, w.total)
	return n, err
}
