// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
)

func TestShareOpensOnceForAllAndTheLastReleaseCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		a.Pause() // so that the opening takes its time
		time.AfterFunc(500*time.Millisecond, a.Resume)
		spellings := [][]string{{"a:1", "b:1"}, {"b:1", "http://a:1"}, {"B:1", "a:1"}}
		var mu sync.Mutex
		var conns []*conn.Conn
		var releases []func() error
		var sharing sync.WaitGroup
		for i := range 12 {
			sharing.Go(func() {
				c, release, err := conn.Share(t.Context(), "shared", spellings[i%3], network(a, b))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				conns, releases = append(conns, c), append(releases, release)
			})
		}
		sharing.Wait()
		for i, c := range conns {
			if c != conns[0] {
				t.Fatal("two connections")
			}
			if _, err := get(t.Context(), c); err != nil {
				t.Errorf("before release %d: %v", i, err)
			}
			for range 2 {
				if err := releases[i](); err != nil {
					t.Error(err)
				}
			}
		}
		if _, err := conn.Lookup("shared"); !errors.Is(err, conn.ErrNotOpen) {
			t.Errorf("after the last release: %v", err)
		}
		c, release, err := conn.Share(t.Context(), "shared", spellings[0], network(a, b))
		if err != nil || c == conns[0] {
			t.Fatalf("after that Share returns %v, %v", c, err)
		}
		if err := errors.Join(c.Close(), release()); err != nil { // by its name first
			t.Error(err)
		}
	})
}

func TestShareRefusesOtherEndpointsUnderTheSameName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		opened, err := conn.Open(t.Context(), "opened", endpoints(a), network(a))
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		_, release, err := conn.Share(t.Context(), "shared", endpoints(a), network(a))
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		for _, tt := range []struct {
			name      string
			endpoints []string
			opts      []conn.Option
			want      error
		}{
			{"opened", endpoints(a), nil, conn.ErrAlreadyOpen},
			{"shared", endpoints(a, b), nil, conn.ErrAlreadyOpen},
			{"shared", endpoints(b), nil, conn.ErrAlreadyOpen},
			{"shared", []string{"nowhere"}, nil, conn.ErrEndpoint},
			{"shared", endpoints(a), []conn.Option{conn.WithPatience(-1)}, conn.ErrOption},
			{"", endpoints(a), nil, conn.ErrOption},
		} {
			if _, _, err := conn.Share(t.Context(), tt.name, tt.endpoints, append(tt.opts, network(a, b))...); !errors.Is(err, tt.want) {
				t.Errorf("%q with %v: %v, want %v", tt.name, tt.endpoints, err, tt.want)
			}
		}
		if _, err := conn.Open(t.Context(), "shared", endpoints(a), network(a)); !errors.Is(err, conn.ErrAlreadyOpen) {
			t.Errorf("Open of a shared name: %v", err)
		}
	})
}

func TestShareWaitsForTheOpenerAndNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.Pause()
		share := func(parent context.Context) (func() error, error) {
			_, release, err := conn.Share(parent, "slow", endpoints(a), network(a), conn.WithConnectTimeout(time.Minute))
			return release, err
		}
		opening, giveUp := context.WithCancel(t.Context())
		waiting, tooLate := context.WithTimeout(t.Context(), 2*time.Second)
		defer tooLate()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := share(opening); !errors.Is(err, context.Canceled) {
				t.Errorf("the opener: %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			start := time.Now()
			if _, err := share(waiting); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 2*time.Second {
				t.Errorf("one with a deadline, after %v: %v", time.Since(start), err)
			}
		})
		all.Go(func() {
			release, err := share(t.Context())
			if err != nil {
				t.Errorf("one with time: %v", err)
				return
			}
			_ = release()
		})
		time.Sleep(3 * time.Second)
		giveUp() // the one with time opens it then
		time.Sleep(time.Second)
		a.Resume()
		all.Wait()
		// A failed opening fails for all that wait for it.
		a.Stop()
		for range 3 {
			all.Go(func() {
				if _, err := share(t.Context()); !errors.Is(err, conn.ErrUnavailable) {
					t.Errorf("with no member: %v", err)
				}
			})
		}
		all.Wait()
	})
}

func TestShareAfterCloseOpensAgainBeforeAllHaveReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		first, release, err := conn.Share(t.Context(), "shared", endpoints(a), network(a, b))
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Close("shared"); err != nil {
			t.Fatal(err)
		}
		second, releaseSecond, err := conn.Share(t.Context(), "shared", endpoints(b), network(a, b))
		if err != nil || second == first {
			t.Fatalf("after Close: %v, %v", second, err)
		}
		third, releaseThird, err := conn.Share(t.Context(), "shared", endpoints(b), network(a, b))
		if err != nil || third != second {
			t.Fatalf("the next one: %v, %v", third, err)
		}
		// The release of the closed connection does not touch the other one.
		if err := errors.Join(release(), releaseThird()); err != nil {
			t.Error(err)
		}
		if _, err := get(t.Context(), second); err != nil {
			t.Error(err)
		}
		if err := releaseSecond(); err != nil {
			t.Error(err)
		}
		if _, err := conn.Lookup("shared"); !errors.Is(err, conn.ErrNotOpen) {
			t.Errorf("after the last release: %v", err)
		}
	})
}

func TestShareAcceptsTheFirstAndThePresentEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c, release, err := conn.Share(t.Context(), "shared", endpoints(a), network(a, b))
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		if err := c.SetEndpoints(t.Context(), endpoints(b)); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name      string
			endpoints []string
			want      error
		}{
			{"of the opening", endpoints(a), nil},
			{"of now", []string{"http://b:1"}, nil},
			{"of neither", endpoints(a, b), conn.ErrAlreadyOpen},
		} {
			other, release, err := conn.Share(t.Context(), "shared", tt.endpoints, network(a, b))
			if !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
			if err == nil {
				if other != c {
					t.Errorf("%s: another connection", tt.name)
				}
				_ = release()
			}
		}
	})
}

func TestShareReturnsWhatIsOpenThoughItsContextHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for range 30 { // so that chance does not pass it
			_, release, err := conn.Share(ended, "shared", endpoints(a), network(a), conn.WithLazy())
			if err != nil {
				t.Fatalf("the opener: %v", err)
			}
			_, releaseToo, err := conn.Share(ended, "shared", endpoints(a), network(a))
			if err != nil {
				t.Fatalf("another one: %v", err)
			}
			if err := errors.Join(release(), releaseToo()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestShareTakesEndpointsWithoutASchemeByTheTLSOfTheOpener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		withTLS := conn.WithTLS(&tls.Config{})
		for name, opts := range map[string][]conn.Option{"clear": nil, "secure": {withTLS}} {
			_, release, err := conn.Share(t.Context(), name, endpoints(a), append(opts, network(a), conn.WithLazy())...)
			if err != nil {
				t.Fatal(err)
			}
			defer release()
		}
		for _, tt := range []struct {
			name, endpoint string
			opts           []conn.Option
			want           error
		}{
			{"secure", "a:1", nil, nil},
			{"secure", "https://a:1", nil, nil},
			{"secure", "a:1", []conn.Option{withTLS}, nil},
			{"secure", "http://a:1", nil, conn.ErrAlreadyOpen},
			{"clear", "http://a:1", nil, nil},
			{"clear", "https://a:1", nil, conn.ErrAlreadyOpen},
			{"clear", "a:1", []conn.Option{withTLS}, conn.ErrAlreadyOpen},
		} {
			_, release, err := conn.Share(t.Context(), tt.name, []string{tt.endpoint}, tt.opts...)
			if !errors.Is(err, tt.want) {
				t.Errorf("%s by %s with %d options: %v, want %v", tt.name, tt.endpoint, len(tt.opts), err, tt.want)
			}
			if err == nil {
				_ = release()
			}
		}
	})
}
