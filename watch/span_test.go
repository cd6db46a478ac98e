// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"
	"testing"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

func TestAroundListsAllOtherRangesNearestFirst(t *testing.T) {
	for _, tt := range []struct {
		key, end string
		want     []span
	}{
		{"a/b/c", "", []span{{"a/b/c\x00", "a/b0"}, {"a/b/", "a/b/c"}, {"a/b0", "a0"}, {"a/", "a/b/"}, {"a0", ""}, {"\x00", "a/"}}},
		{"a/b/", "a/b0", []span{{"a/b0", "a0"}, {"a/", "a/b/"}, {"a0", ""}, {"\x00", "a/"}}},
		{"a/", "b/", []span{{"b/", ""}, {"\x00", "a/"}}},
		{"k", "\x00", []span{{"\x00", "k"}}},
		{"\x00", "\x00", nil},
		{"/", "0", []span{{"0", ""}, {"\x00", "/"}}},
	} {
		r := spanOf(&pb.WatchCreateRequest{Key: []byte(tt.key), RangeEnd: []byte(tt.end)})
		if got := r.around(); !slices.Equal(got, tt.want) {
			t.Errorf("around %q to %q: %q, want %q", tt.key, tt.end, got, tt.want)
		}
	}
}
