// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	grpcresolver "google.golang.org/grpc/resolver"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/kv"
)

// resolver follows the keys of one target for one client.
type resolver struct {
	connection string
	prefix     string
	options    options
	shown      *shown
	life       context.Context
	end        context.CancelFunc
	running    sync.WaitGroup
	told       follow.History                  // by the followers before, and by those of the resolver before; run has it
	follower   atomic.Pointer[follow.Follower] // nil before the first one
}

// run follows the keys until Close. A follower ends with its connection. The next one begins on the connection that has the name
// by then, which may be to another cluster, so it knows nothing of the keys. It only finds out whether the history is the same.
func (r *resolver) run() {
	for r.life.Err() == nil {
		if err := r.follow(); err != nil && r.life.Err() == nil {
			r.shown.failed(err)
		}
		wait.For(r.life, lookEvery)
	}
}

func (r *resolver) follow() error {
	keys := &keys{options: &r.options}
	f, err := follow.New(r.life, follow.Spec{
		Request: ctx.New(r.connection).WithKey(r.prefix).WithPrefix(),
		List:    kv.Pages,
		Known:   keys.known,
		After:   r.told,
	})
	if err != nil {
		return err
	}
	r.follower.Store(f)
	defer func() {
		f.Close()
		r.told = f.History()
	}()
	for step, err := range f.Steps() {
		if r.life.Err() != nil {
			return nil
		}
		if err != nil {
			r.shown.failed(err)
		} else if turn, whole := keys.read(step); whole {
			r.shown.list(keys, turn)
		}
	}
	return f.Err()
}

// inStep reports whether changes of the keys arrive at the moment, and since when.
func (r *resolver) inStep() (since time.Time, ok bool) {
	f := r.follower.Load()
	if f == nil {
		return time.Time{}, false
	}
	s := f.Status()
	return s.Since, s.InStep
}

// ResolveNow does nothing: the watch tells each change.
func (*resolver) ResolveNow(grpcresolver.ResolveNowOptions) {}

// Close ends the resolver, and waits for its end.
func (r *resolver) Close() {
	r.end()
	r.running.Wait()
	r.shown.close(r.told)
}
