// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	grpcresolver "google.golang.org/grpc/resolver"
)

// told notes what gRPC is told, with the time.
type told struct {
	grpcresolver.ClientConn
	began time.Time
	all   []string
}

func (c *told) UpdateState(s grpcresolver.State) error {
	var list []string
	for _, a := range s.Addresses {
		list = append(list, a.Addr)
	}
	c.all = append(c.all, fmt.Sprint(time.Since(c.began), " ", list))
	return nil
}

func (c *told) ReportError(err error) {
	c.all = append(c.all, fmt.Sprint(time.Since(c.began), " ", err))
}

// TestWhatGRPCIsToldInEachPhase walks through the table of phases.
func TestWhatGRPCIsToldInEachPhase(t *testing.T) {
	a, b := []Instance{{Addr: "a"}}, []Instance{{Addr: "b", Metadata: map[string]any{"m": 1}}}
	none, away := []Instance{}, errors.New("away")
	const gone = ` resolver: no instance is registered under "p/"`
	for name, tt := range map[string]struct {
		keep time.Duration
		do   func(s *shown)
		want []string
	}{
		"a failure is told once, and none after a list": {time.Second, func(s *shown) {
			s.failed(away)
			s.failed(away)
			s.failed(errors.New("other"))
			s.list(a, 0)
			s.failed(away)
		}, []string{
			`0s resolver: the instances under "p/" are not known yet: away`,
			`0s resolver: the instances under "p/" are not known yet: other`, "0s [a]",
		}},
		"the same list is told once": {time.Second, func(s *shown) {
			s.list(b, 0)
			s.list([]Instance{{Addr: "b", Metadata: map[string]any{"m": 1}}}, 0)
			s.list([]Instance{{Addr: "b", Metadata: map[string]any{"m": 2}}}, 0)
		}, []string{"0s [b]", "0s [b]"}},
		"an empty list at first": {time.Second, func(s *shown) {
			s.list(none, 2)
			s.list(none, 2)
			s.failed(away)
			s.list(a, 0)
		}, []string{"0s []", "0s" + gone + "; keys with a value that does not decode: 2", "0s [a]"}},
		"an empty list is told when its time has passed": {time.Second, func(s *shown) {
			s.list(a, 0)
			s.list(none, 0)
			time.Sleep(time.Second / 2)
			s.list(none, 0)
			s.failed(away)
			time.Sleep(time.Second)
		}, []string{"0s [a]", "1s []", "1s" + gone}},
		"the time begins anew after each list": {time.Second, func(s *shown) {
			s.list(a, 0)
			s.list(none, 0)
			time.Sleep(time.Second * 3 / 4)
			s.list(a, 0)
			s.list(none, 0)
			time.Sleep(time.Second * 3 / 4)
			s.list(b, 0)
			time.Sleep(time.Minute)
		}, []string{"0s [a]", "1.5s [b]"}},
		"an empty list is told at once": {0, func(s *shown) {
			s.list(a, 0)
			s.list(none, 0)
		}, []string{"0s [a]", "0s []", "0s" + gone}},
		"nothing is told after the end": {time.Second, func(s *shown) {
			s.list(a, 0)
			s.list(none, 0)
			s.close()
			s.list(b, 0)
			s.failed(away)
			time.Sleep(time.Minute)
		}, []string{"0s [a]"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &told{began: time.Now()}
				s := newShown(c, tt.keep, "p/")
				tt.do(s)
				synctest.Wait()
				if s.close(); !slices.Equal(c.all, tt.want) {
					t.Errorf("told is %q\nwant %q", c.all, tt.want)
				}
			})
		})
	}
}
