// SPDX-License-Identifier: Apache-2.0

package leasettl_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/wire/leasettl"
)

func TestTTLBelowAMillisecondIsAMistakeBesideOthers(t *testing.T) {
	others := render.AlsoInvalid(nil, "lock: there is no function to run")
	for _, ttl := range []time.Duration{-time.Hour, 0, 10, time.Millisecond - 1} {
		for _, before := range []error{nil, others} {
			err := leasettl.Check(before, "lock", ttl)
			if !errors.Is(err, ctx.ErrInvalid) || !strings.Contains(err.Error(), "lock: a TTL of "+ttl.String()+" is below 1ms") {
				t.Errorf("%v: %v", ttl, err)
			}
			if before != nil && !strings.Contains(err.Error(), "there is no function") {
				t.Errorf("%v hides the mistake before it: %v", ttl, err)
			}
		}
	}
	for _, ttl := range []time.Duration{time.Millisecond, time.Second, 1 << 62} {
		if err := leasettl.Check(nil, "lock", ttl); err != nil {
			t.Errorf("%v: %v", ttl, err)
		}
		if err := leasettl.Check(others, "lock", ttl); err != others {
			t.Errorf("%v: %v became %v", ttl, others, err)
		}
	}
}
