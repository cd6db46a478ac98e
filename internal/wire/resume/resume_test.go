// SPDX-License-Identifier: Apache-2.0

package resume

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
)

var errShaky = status.Error(codes.Unavailable, "shaky")

func TestPausesBetweenStreamsThatBreakAtOnceDoubleUpToHalfASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, func(int, context.Context) error { return errShaky })
		stream := open(t, s)
		life, end := context.WithCancel(t.Context())
		broken := 0
		err := stream.Run(life, read, func(err error) {
			if broken++; broken == 8 {
				end()
			}
			if !strings.Contains(err.Error(), "shaky") {
				t.Errorf("the reason is %v", err)
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		at := s.times()
		if len(at) != 8 {
			t.Fatalf("%d streams, want 8", len(at))
		}
		for i, want := range []time.Duration{20, 40, 80, 160, 320, 500, 500} {
			want *= time.Millisecond
			if got := at[i+1].Sub(at[i]); got < want/2 || got > want*3/2 {
				t.Errorf("pause %d is %v, want %v plus or minus one half", i, got, want)
			}
		}
	})
}

func TestStreamThatHasLastedIsFollowedAtOnceAndBeginsThePausesAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, func(n int, _ context.Context) error {
			if n == 5 {
				time.Sleep(time.Second)
			}
			return errShaky
		})
		stream := open(t, s)
		life, end := context.WithCancel(t.Context())
		broken := 0
		_ = stream.Run(life, read, func(error) {
			if broken++; broken == 8 {
				end()
			}
		})
		at := s.times()
		if len(at) != 8 {
			t.Fatalf("%d streams, want 8", len(at))
		}
		if got := at[6].Sub(at[5]); got != time.Second {
			t.Errorf("the stream that lasted 1s is followed after %v", got)
		}
		if got := at[7].Sub(at[6]); got > 30*time.Millisecond {
			t.Errorf("the next pause is %v, want that of a first break", got)
		}
	})
}

func TestServiceThatAsksForAnotherStreamGetsItAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := open(t, newServer(t, silent))
		began := time.Now()
		var last engine.Stream
		served := 0
		err := stream.Run(t.Context(), func(_ context.Context, stream engine.Stream) error {
			if last != nil && last.Context().Err() == nil {
				t.Error("the stream before has not ended")
			}
			last = stream
			if served++; served < 100 {
				return ErrAgain
			}
			return nil
		}, func(err error) { t.Errorf("a stream is told to be broken: %v", err) })
		if err != nil || served != 100 || time.Since(began) != 0 {
			t.Errorf("%d streams in %v: %v", served, time.Since(began), err)
		}
	})
}

func TestStreamIsOpenedAgainWhenAMemberIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, silent)
		stream := open(t, s)
		life, end := context.WithCancel(t.Context())
		outage := 0
		over := make(chan error, 1)
		go func() {
			over <- stream.Run(life, read, func(err error) {
				if Outage(err) {
					outage++
				}
			})
		}()
		synctest.Wait()
		s.Stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(s.times()); n != 1 || outage == 0 || outage > 2 {
			t.Errorf("%d streams and %d outages while the only member was down", n, outage)
		}
		s.Start()
		if err := stream.Conn.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		back := time.Now()
		synctest.Wait()
		if at := s.times(); len(at) != 2 || !at[1].Equal(back) {
			t.Errorf("the member is back at %v, and the streams were opened at %v", back, at)
		}
		end()
		if err := <-over; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestRunReturnsTheCauseWhenItsLifeEnds(t *testing.T) {
	why := errors.New("no longer wanted")
	forEachState(t, func(t *testing.T, _ Stream, run func(life context.Context) <-chan error) {
		life, end := context.WithCancelCause(t.Context())
		over := run(life)
		end(why)
		if err := soon(t, over); !errors.Is(err, why) {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestRunNamesTheConnectionThatWasClosed(t *testing.T) {
	forEachState(t, func(t *testing.T, stream Stream, run func(life context.Context) <-chan error) {
		life, end := context.WithCancelCause(t.Context())
		defer end(nil)
		_ = stream.Conn.Go(func(ending context.Context) {
			<-ending.Done()
			end(context.Cause(ending))
		})
		over := run(life)
		if err := stream.Conn.Close(); err != nil {
			t.Error(err)
		}
		if err := soon(t, over); err == nil || err.Error() != connerr.Closed(stream.Conn.Name()).Error() || !errors.Is(err, connerr.ErrClosed) {
			t.Errorf("Run returned %v", err)
		}
	})
}

func forEachState(t *testing.T, test func(t *testing.T, stream Stream, run func(life context.Context) <-chan error)) {
	for name, state := range map[string]struct {
		handle func(int, context.Context) error
		down   bool
	}{
		"while a stream is open":      {silent, false},
		"in a pause":                  {func(int, context.Context) error { return errShaky }, false},
		"while no endpoint is Active": {silent, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, state.handle)
				stream := open(t, s)
				test(t, stream, func(life context.Context) <-chan error {
					over := make(chan error, 1)
					go func() { over <- stream.Run(life, read, ignore) }()
					synctest.Wait()
					if state.down {
						s.Stop()
						time.Sleep(time.Minute)
					}
					return over
				})
			})
		})
	}
}

// soon returns what Run returns within a second.
func soon(t *testing.T, over <-chan error) error {
	t.Helper()
	began := time.Now()
	err := <-over
	if took := time.Since(began); took > time.Second {
		t.Errorf("Run returned after %v", took)
	}
	return err
}
