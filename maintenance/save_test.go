// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/maintenance"
)

const before = "what was there before"

// target returns a file with some content in a folder of its own.
func target(t *testing.T) (folder, path string) {
	t.Helper()
	folder = t.TempDir()
	path = filepath.Join(folder, "backup.db")
	if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	return folder, path
}

// checkKept checks that the file is unchanged and alone in its folder.
func checkKept(t *testing.T, folder, path string) {
	t.Helper()
	if now, err := os.ReadFile(path); err != nil || string(now) != before {
		t.Errorf("the file that was there is now %d bytes, %v", len(now), err)
	}
	checkFolder(t, folder, filepath.Base(path))
}

func TestSaveSnapshotReplacesAFileByAWholeSnapshot(t *testing.T) {
	put(t, kv.New(registry), 8, 256<<10)
	// A member may lag behind until it is asked for a linearizable read.
	if _, err := kv.Get(t.Context(), kv.New(registry).WithKey("latest").WithEndpoint(shared.Endpoints()[0])); err != nil {
		t.Fatal(err)
	}
	folder, path := target(t)
	c := maintenance.New(registry).WithEndpoint(shared.Endpoints()[0]).WithTimeout(timeout)
	var last, size int64
	err := maintenance.SaveSnapshot(t.Context(), c, path, func(done, total int64) {
		if done <= last || done > total || size != 0 && total != size {
			t.Errorf("progress from %d of %d to %d of %d", last, size, done, total)
		}
		last, size = done, total
		if done < total {
			if now, err := os.ReadFile(path); err != nil || string(now) != before {
				t.Errorf("the file is replaced before its time: %d bytes, %v", len(now), err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	saved, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checkDigest(t, saved)
	if last != size || int64(len(saved)) != size || size < 2<<20 {
		t.Errorf("told %d of %d bytes, saved %d", last, size, len(saved))
	}
	checkFolder(t, folder, "backup.db")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v: others may read the keys", info.Mode())
	}

	fresh := filepath.Join(folder, "another.db")
	if err := maintenance.SaveSnapshot(t.Context(), maintenance.New(registry), fresh, nil); err != nil {
		t.Fatal(err)
	}
	checkFolder(t, folder, "another.db", "backup.db")
}

func TestSaveSnapshotThatIsCutHalfWayLeavesNothingBehind(t *testing.T) {
	cluster := large(t)
	m := cluster.Member(0)
	folder, path := target(t)
	nowhere := filepath.Join(folder, "new.db")

	t.Run("by the network", func(t *testing.T) {
		for _, to := range []string{path, nowhere} {
			c := open(t, m.Endpoint())
			var seen int64
			err := maintenance.SaveSnapshot(t.Context(), c, to, func(done, total int64) {
				if seen == 0 {
					m.Cut()
				}
				seen = done
			})
			m.Heal()
			var e *etcderr.Error
			if !errors.As(err, &e) || seen == 0 {
				t.Errorf("after %d bytes: %v", seen, err)
			}
			checkKept(t, folder, path)
		}
	})
	t.Run("by the caller", func(t *testing.T) {
		c := open(t, m.Endpoint())
		for _, to := range []string{path, nowhere} {
			parent, cancel := context.WithCancel(t.Context())
			err := maintenance.SaveSnapshot(parent, c, to, func(done, total int64) {
				if done > total/4 {
					cancel()
				}
			})
			cancel()
			if !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
			checkKept(t, folder, path)
		}
		parent, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := maintenance.SaveSnapshot(parent, c, path, func(int64, int64) { <-parent.Done() })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("out of time: %v", err)
		}
		checkKept(t, folder, path)
	})
	t.Run("by a panic", func(t *testing.T) {
		func() {
			defer func() {
				if r := recover(); r != "half-way" {
					t.Errorf("recovered %v", r)
				}
			}()
			_ = maintenance.SaveSnapshot(t.Context(), open(t, m.Endpoint()), path, func(int64, int64) { panic("half-way") })
		}()
		checkKept(t, folder, path)
	})
}

func TestSaveSnapshotThatCannotSucceedLeavesNothingBehind(t *testing.T) {
	folder, path := target(t)
	c := maintenance.New(registry)
	wrong := openFake(t, parts(part(0, "data"), part(0, "0123456789abcdef0123456789abcdef")))
	for _, tt := range []struct {
		name string
		c    ctx.Ctx
		path string
		want error
	}{
		{"no folder", c, filepath.Join(folder, "no-such", "backup.db"), fs.ErrNotExist},
		{"a folder in its place", c, folder, nil},
		{"no connection", maintenance.New("no-such"), path, conn.ErrNotOpen},
		{"a wrong digest", wrong, path, maintenance.ErrSnapshot},
		{"a wrong digest of a new file", wrong, filepath.Join(folder, "new.db"), maintenance.ErrSnapshot},
	} {
		t.Run(tt.name, func(t *testing.T) {
			told := false
			err := maintenance.SaveSnapshot(t.Context(), tt.c, tt.path, func(int64, int64) { told = true })
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if told && tt.c != wrong {
				t.Error("told of progress")
			}
			checkKept(t, folder, path)
		})
	}
}
