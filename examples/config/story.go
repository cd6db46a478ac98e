// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/table"
)

// patience is how long an act may take.
const patience = 30 * time.Second

// story is what an operator does, and what happens to the cluster.
type story struct {
	cluster *etcdtest.Cluster // nil for a cluster of $ETCD_ENDPOINTS
	live    *table.Value[settings]

	mu  sync.Mutex
	out io.Writer
}

func (s *story) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format+"\n", args...)
}

func (s *story) tell(life context.Context) error {
	for _, act := range []func(context.Context) error{s.begin, s.change, s.mistake, s.restore, s.remove} {
		ctx, cancel := context.WithTimeout(life, patience)
		err := act(ctx)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *story) begin(ctx context.Context) error {
	if err := s.delete(ctx); err != nil {
		return err
	}
	now, _ := s.live.Load()
	s.say("%d workers begin with the default: %+v", workers, now)
	return nil
}

func (s *story) change(ctx context.Context) error {
	s.say("\nAn operator writes settings.")
	if err := s.put(ctx, `{"limit":100,"queue":"orders"}`); err != nil {
		return err
	}
	return s.await(ctx, settings{100, "orders"})
}

func (s *story) mistake(ctx context.Context) error {
	for _, m := range []struct{ mistake, value string }{
		{"forgets a brace", `{"limit":200,"queue":"orders"`},
		{"forgets the limit", `{"queue":"orders"}`},
	} {
		s.say("\nThe operator %s.", m.mistake)
		if err := s.put(ctx, m.value); err != nil {
			return err
		}
		now, _ := s.live.Load()
		s.say("The last good settings stay: %+v", now)
		if (now != settings{100, "orders"}) {
			return fmt.Errorf("a bad value has replaced the settings: %+v", now)
		}
	}
	s.say("\nThe operator mends it.")
	if err := s.put(ctx, `{"limit":200,"queue":"orders"}`); err != nil {
		return err
	}
	return s.await(ctx, settings{200, "orders"})
}

// restore puts the cluster back to a backup, in which the settings are older.
func (s *story) restore(ctx context.Context) error {
	if s.cluster == nil {
		s.say("\nThe cluster is yours, so it is not restored.")
		return nil
	}
	s.say("\nThe cluster is backed up. Then the operator raises the limit once more.")
	backup := s.cluster.SaveData()
	if err := s.put(ctx, `{"limit":300,"queue":"returns"}`); err != nil {
		return err
	}
	if err := s.await(ctx, settings{300, "returns"}); err != nil {
		return err
	}
	s.say("\nThe cluster is restored from a backup that is older than the last change. Nobody tells the workers.")
	s.cluster.RestoreData(backup)
	if err := s.await(ctx, settings{200, "orders"}); err != nil {
		return err
	}
	status := s.live.Status()
	s.say("The workers have the settings that are in the cluster now. In step: %t, lists after the first: %d",
		status.InStep, status.Resyncs)
	return s.cluster.Err()
}

func (s *story) remove(ctx context.Context) error {
	s.say("\nThe operator deletes the settings.")
	if err := s.delete(ctx); err != nil {
		return err
	}
	return s.await(ctx, initial)
}

// put writes the settings, and waits until the workers have seen that.
func (s *story) put(ctx context.Context, value string) error {
	written, err := kv.Put(ctx, kv.New(connection).WithKey(key).WithValue(value))
	if err != nil {
		return err
	}
	return s.live.WaitRev(ctx, written.GetHeader().GetRevision())
}

func (s *story) delete(ctx context.Context) error {
	deleted, err := kv.Delete(ctx, kv.New(connection).WithKey(key))
	if err != nil {
		return err
	}
	return s.live.WaitRev(ctx, deleted.GetHeader().GetRevision())
}

// await waits until the workers have these settings.
func (s *story) await(ctx context.Context, want settings) error {
	for {
		now, _ := s.live.Load()
		if now == want {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting for %+v: the settings are %+v, %+v: %w", want, now, s.live.Status(), ctx.Err())
		}
	}
}
