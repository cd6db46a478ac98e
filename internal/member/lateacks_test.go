// SPDX-License-Identifier: Apache-2.0

package member

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
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

func TestOnlyTheAnswerToABandwidthPingComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{began: time.Now()}
		c := newLateAcks(s)
		other := bytes.Clone(bandwidthAck)
		other[len(other)-1]++ // asks whether this side lives
		for _, p := range [][]byte{make([]byte, prefaceLength), bandwidthAck, other, nil, bandwidthAck, bandwidthAck, frame(0, 1, 2, 3)} {
			if p == nil {
				time.Sleep(2 * ackDelay)
				continue
			}
			if n, err := c.Write(p); n != len(p) || err != nil {
				t.Errorf("%d bytes: %d, %v", len(p), n, err)
			}
		}
		time.Sleep(2 * ackDelay)
		want := []string{
			"0s: 24 bytes", "0s: 17 bytes", "5ms: 17 bytes", "10ms: 12 bytes", "15ms: 17 bytes", "15ms: 17 bytes",
		}
		if _, writes := s.wrote(); !slices.Equal(writes, want) {
			t.Errorf("got  %v\nwant %v", writes, want)
		}
	})
}

func TestLateAnswerComesAfterTheFrameUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		c := newLateAcks(s)
		whole := frame(0, bytes.Repeat([]byte{7}, 100)...)
		for _, p := range [][]byte{make([]byte, prefaceLength), bandwidthAck, whole[:50]} {
			_, _ = c.Write(p)
		}
		time.Sleep(time.Second)
		if wrote, _ := s.wrote(); len(wrote) != prefaceLength+50 {
			t.Errorf("%d bytes amid a frame", len(wrote))
		}
		_, _ = c.Write(whole[50:])
		wrote, _ := s.wrote()
		if all, err := split(wrote); err != nil || len(all) != 2 || !bytes.Equal(all[1], bandwidthAck) {
			t.Errorf("%x, %v", all, err)
		}
	})
}

// Some frames have the bytes of an answer to a ping in them.
func TestLateAnswersTearNoFrame(t *testing.T) {
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
				t.Fatalf("seed %d: %v; %d answers are missing; got %d frames, want %d", seed, err, acks, len(got), len(want))
			}
		}
	})
}
