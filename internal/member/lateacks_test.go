// SPDX-License-Identifier: Apache-2.0

package member

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a connection that keeps what is written to it, with the time of each write.
type sink struct {
	net.Conn
	began time.Time

	mu     sync.Mutex
	all    bytes.Buffer
	writes []string
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, fmt.Sprintf("%v: %d bytes", time.Since(s.began), len(p)))
	return s.all.Write(p)
}

func (s *sink) wrote() (all []byte, writes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.all.Bytes()), slices.Clone(s.writes)
}

func frame(kind byte, payload ...byte) []byte {
	n := len(payload)
	return append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, 0, 0, 0, 0, 1}, payload...)
}

// split returns the frames of what a client has written.
func split(wrote []byte) (all [][]byte, err error) {
	wrote = wrote[prefaceLength:]
	for len(wrote) > 0 {
		if len(wrote) < frameHeader {
			return nil, errors.New("a frame has no whole header")
		}
		n := frameHeader + int(wrote[0])<<16 + int(wrote[1])<<8 + int(wrote[2])
		if n > len(wrote) {
			return nil, fmt.Errorf("a frame of %d bytes has only %d", n, len(wrote))
		}
		all, wrote = append(all, wrote[:n]), wrote[n:]
	}
	return all, nil
}

func TestAcksOfBandwidthPingsKeepAPauseAndOthersGoOutAtOnce(t *testing.T) {
	other := bytes.Clone(bandwidthAck)
	other[len(other)-1]++ // asks whether this side lives
	for name, tt := range map[string]struct {
		writes [][]byte // nil: a pause of 5 ms
		want   []string
	}{
		"first": {[][]byte{bandwidthAck}, []string{"0s: 17 bytes"}},
		"rare": {
			[][]byte{bandwidthAck, nil, nil, nil, nil, bandwidthAck},
			[]string{"0s: 17 bytes", "20ms: 17 bytes"},
		},
		"frequent": {
			[][]byte{bandwidthAck, nil, bandwidthAck, nil, nil, nil, nil, bandwidthAck},
			[]string{"0s: 17 bytes", "20ms: 17 bytes", "40ms: 17 bytes"},
		},
		"without a ping": { // no server of gRPC's does that
			[][]byte{bandwidthAck, bandwidthAck, bandwidthAck},
			[]string{"0s: 17 bytes", "0s: 17 bytes", "20ms: 17 bytes"},
		},
		"of other pings": {[][]byte{bandwidthAck, other, nil, other}, []string{"0s: 17 bytes", "0s: 17 bytes", "5ms: 17 bytes"}},
		"with data": {
			[][]byte{bandwidthAck, append(frame(0, 1), bandwidthAck...), nil, append(bytes.Clone(bandwidthAck), frame(0, 1)...)},
			[]string{"0s: 17 bytes", "0s: 27 bytes", "5ms: 27 bytes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sink{began: time.Now()}
				c := newLateAcks(s)
				for _, p := range append([][]byte{make([]byte, prefaceLength)}, tt.writes...) {
					if p == nil {
						time.Sleep(5 * time.Millisecond)
						continue
					}
					if n, err := c.Write(p); n != len(p) || err != nil {
						t.Errorf("%d bytes: %d, %v", len(p), n, err)
					}
				}
				time.Sleep(time.Second)
				if _, writes := s.wrote(); !slices.Equal(writes[1:], tt.want) {
					t.Errorf("got  %v\nwant %v", writes[1:], tt.want)
				}
			})
		})
	}
}

func TestLateAckComesAfterTheFrameUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		c := newLateAcks(s)
		whole := frame(0, bytes.Repeat([]byte{7}, 100)...)
		for _, p := range [][]byte{make([]byte, prefaceLength), bandwidthAck, bandwidthAck, whole[:50]} {
			_, _ = c.Write(p)
		}
		time.Sleep(time.Second)
		if wrote, _ := s.wrote(); len(wrote) != prefaceLength+len(bandwidthAck)+50 {
			t.Errorf("%d bytes amid a frame", len(wrote))
		}
		_, _ = c.Write(whole[50:])
		wrote, _ := s.wrote()
		if all, err := split(wrote); err != nil || len(all) != 3 || !bytes.Equal(all[2], bandwidthAck) {
			t.Errorf("%x, %v", all, err)
		}
	})
}

// broken is a connection whose writes fail from the third one on, and say that they have written more than there is.
type broken struct {
	net.Conn
	writes atomic.Int64
}

var errBroken = errors.New("broken")

func (b *broken) Write(p []byte) (int, error) {
	if b.writes.Add(1) > 2 {
		return 0, errBroken
	}
	return 2 * len(p), nil
}

func TestNothingIsWrittenAfterAnAckThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broken{}
		c := newLateAcks(b)
		for _, p := range [][]byte{make([]byte, prefaceLength), bandwidthAck, bandwidthAck} {
			if _, err := c.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		for range 2 {
			if _, err := c.Write(frame(0, 1)); !errors.Is(err, errBroken) || b.writes.Load() != 3 {
				t.Errorf("after %d writes: %v", b.writes.Load(), err)
			}
		}
	})
}

func TestClockOfABubbleGoesOnWhileAPeerDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		c := newLateAcks(ours)
		read := make([]byte, prefaceLength+len(bandwidthAck))
		go func() { _, _ = io.ReadFull(theirs, read) }()
		for _, p := range [][]byte{make([]byte, prefaceLength), bandwidthAck, bandwidthAck} {
			if _, err := c.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		failed := make(chan error, 1)
		go func() {
			_, err := c.Write(frame(0, 1))
			failed <- err
		}()
		time.Sleep(time.Minute)
		_ = c.Close()
		if err := <-failed; err == nil {
			t.Error("a frame that nobody reads has been written")
		}
	})
}

// Some frames have the bytes of an ack in them.
func TestLateAcksTearNoFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(200) {
			random := rand.New(rand.NewPCG(seed, 0))
			s := &sink{}
			c := newLateAcks(s)
			_, _ = c.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
			var want [][]byte
			acks := 0
			for range 100 {
				if random.IntN(3) == 0 {
					_, _ = c.Write(bandwidthAck)
					acks++
				} else {
					f := frame(0, bytes.Repeat(bandwidthAck, random.IntN(3))...)
					want = append(want, f)
					for len(f) > 0 {
						n := 1 + random.IntN(len(f))
						if len(f) > len(bandwidthAck) && bytes.HasSuffix(f, bandwidthAck) && random.IntN(2) == 0 {
							n = len(f) - len(bandwidthAck)
						}
						_, _ = c.Write(f[:n])
						f = f[n:]
						time.Sleep(time.Duration(random.IntN(4)) * time.Millisecond)
					}
				}
				time.Sleep(time.Duration(random.IntN(4)) * time.Millisecond)
			}
			time.Sleep(time.Second)
			wrote, _ := s.wrote()
			all, err := split(wrote)
			var got [][]byte
			for _, f := range all {
				if bytes.Equal(f, bandwidthAck) {
					acks--
				} else {
					got = append(got, f)
				}
			}
			if err != nil || acks != 0 || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d: %v; %d acks are missing; got %d frames, want %d", seed, err, acks, len(got), len(want))
			}
		}
	})
}
