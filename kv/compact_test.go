// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"slices"
	"testing"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
)

func TestCompactDropsTheHistoryBeforeARevision(t *testing.T) {
	tests := []struct {
		name string
		c    ctx.Ctx
	}{
		{"as soon as it cannot be read", kv.New(registry)},
		{"once it is off the disk", kv.New(registry).WithPhysical()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSpace(t)
			dropped, kept, last := s.put("a", "1"), s.put("a", "2"), s.put("a", "3")
			if _, err := kv.Compact(t.Context(), tt.c.WithRev(kept)); err != nil {
				t.Fatal(err)
			}
			for rev, want := range map[int64]string{kept: "2", last: "3", 0: "3"} {
				if got := s.get(s.key("a").WithRev(rev)); !slices.Equal(got, []pair{{"a", want}}) {
					t.Errorf("at revision %d: %q, want %q", rev, got, want)
				}
			}
			_, err := kv.Get(t.Context(), s.key("a").WithRev(dropped))
			wantFailure(t, err, etcderr.Rejected, etcderr.ErrCompacted)
			_, err = kv.Compact(t.Context(), tt.c.WithRev(kept))
			wantFailure(t, err, etcderr.Rejected, etcderr.ErrCompacted)
		})
	}
}

func TestRevisionNotYetWrittenIsRefused(t *testing.T) {
	s := newSpace(t)
	future := s.put("a", "1") + 1000
	_, err := kv.Get(t.Context(), s.key("a").WithRev(future))
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrFutureRev)
	_, err = kv.Compact(t.Context(), kv.New(registry).WithRev(future))
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrFutureRev)
}
