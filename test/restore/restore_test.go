// SPDX-License-Identifier: Apache-2.0

// Package restore proves that etcd's own tool restores the snapshots that this SDK saves.
package restore

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/maintenance"
)

func TestSavedSnapshotIsRestoredIntoAServerWithTheSameKeys(t *testing.T) {
	original := open(t, etcdtest.Start(t))
	past := fill(t, original)
	want, wantPast := keys(t, original, 0), keys(t, original, past)
	if len(want) == len(wantPast) || len(want) == 0 {
		t.Fatalf("%d keys, %d in the past", len(want), len(wantPast))
	}

	for name, save := range map[string]func(t *testing.T, path string){
		"SaveSnapshot": func(t *testing.T, path string) {
			if err := maintenance.SaveSnapshot(t.Context(), original, path, nil); err != nil {
				t.Fatal(err)
			}
		},
		"Snapshot": func(t *testing.T, path string) {
			reader, err := maintenance.Snapshot(t.Context(), original)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			file, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := io.Copy(file, reader); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			backup := filepath.Join(t.TempDir(), "backup.db")
			save(t, backup)
			if s, err := tool().Status(backup); err != nil || s.Revision < want[len(want)-1].GetModRevision() {
				t.Errorf("etcd's tool says of the snapshot: %+v, %v", s, err)
			}
			data := filepath.Join(t.TempDir(), "data")
			if err := restore(backup, data); err != nil {
				t.Fatalf("etcd's tool: %v", err)
			}
			restored := open(t, etcdtest.Start(t, etcdtest.WithFlags("--data-dir="+data)))
			compare(t, "now", keys(t, restored, 0), want)
			compare(t, "in the past", keys(t, restored, past), wantPast)
			if _, err := kv.Put(t.Context(), restored.WithKey("after").WithValue("the restoration")); err != nil {
				t.Errorf("a put on the restored server: %v", err)
			}
		})
	}
}

// The tool checks the digest. Without this test the one above would prove little.
func TestToolRefusesASnapshotWithAChangedByte(t *testing.T) {
	c := open(t, etcdtest.Start(t))
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := maintenance.SaveSnapshot(t.Context(), c, backup, nil); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string][]byte{
		"changed in the data":   change(whole, len(whole)/2),
		"changed in the digest": change(whole, len(whole)-1),
		"without the digest":    whole[:len(whole)-32],
	} {
		if err := os.WriteFile(backup, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := restore(backup, filepath.Join(t.TempDir(), "data")); err == nil {
			t.Errorf("%s: restored", name)
		}
	}
}

func change(data []byte, at int) []byte {
	changed := append([]byte(nil), data...)
	changed[at] ^= 1
	return changed
}

func open(t *testing.T, cluster *etcdtest.Cluster) ctx.Ctx {
	t.Helper()
	return kv.New(onecluster.Open(t, "", cluster.Endpoints()).Name())
}

// fill writes keys of all sorts, and returns a revision before the last of them.
func fill(t *testing.T, c ctx.Ctx) (past int64) {
	t.Helper()
	granted, err := lease.Grant(t.Context(), c, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	put := func(c ctx.Ctx) int64 {
		t.Helper()
		response, err := kv.Put(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return response.GetHeader().GetRevision()
	}
	for i := range 200 {
		put(c.WithKey(fmt.Sprintf("key/%03d", i)).WithValueBytes(make([]byte, 10*i)))
	}
	put(c.WithKey("\x00\xff").WithValue("binary"))
	past = put(c.WithKey("leased").WithValue("v").WithLease(granted.GetID()))
	put(c.WithKey("key/000").WithValue("again"))
	if _, err := kv.Delete(t.Context(), c.WithKey("key/19").WithPrefix()); err != nil {
		t.Fatal(err)
	}
	put(c.WithKey("last").WithValue("v"))
	return past
}

// keys returns all keys as of a revision, 0 for now, in the order of their last puts.
func keys(t *testing.T, c ctx.Ctx, rev int64) []*mvccpb.KeyValue {
	t.Helper()
	found, err := kv.Get(t.Context(), c.WithPrefix().WithRev(rev).WithSort(kv.ByMod, kv.Ascend))
	if err != nil {
		t.Fatal(err)
	}
	return found.GetKvs()
}

func compare(t *testing.T, when string, got, want []*mvccpb.KeyValue) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d keys, want %d", when, len(got), len(want))
	}
	for i := range want {
		if !proto.Equal(got[i], want[i]) {
			t.Errorf("%s: %v, want %v", when, got[i], want[i])
		}
	}
}

func tool() snapshot.Manager { return snapshot.NewV3(zap.NewNop()) }

// restore makes the data directory of a single member from a backup.
func restore(backup, data string) error {
	const name, peer = "m0", "http://127.0.0.1:1" // with one member, nobody ever comes to look
	return tool().Restore(snapshot.RestoreConfig{
		SnapshotPath: backup, OutputDataDir: data, Name: name, PeerURLs: []string{peer},
		InitialCluster: name + "=" + peer, InitialClusterToken: "restored",
	})
}
