// SPDX-License-Identifier: Apache-2.0

package onereader_test

import (
	"errors"
	"testing"

	"github.com/eetcd-go/eetcd/internal/onereader"
)

func TestSecondReaderIsRefusedUntilTheFirstLeaves(t *testing.T) {
	var gate onereader.Gate
	inUse := errors.New("in use")
	seq := onereader.Seq(&gate, inUse, func(yield func(int, error) bool) {
		_ = yield(1, nil) && yield(2, nil)
	})
	var got []int
	for n, err := range seq {
		if err != nil {
			t.Fatalf("the first reader is refused: %v", err)
		}
		got = append(got, n)
		turns := 0
		for m, err := range seq {
			if turns++; m != 0 || !errors.Is(err, inUse) {
				t.Errorf("a second reader gets %d, %v", m, err)
			}
		}
		if turns != 1 {
			t.Errorf("a second reader gets %d turns, want one", turns)
		}
	}
	if len(got) != 2 {
		t.Errorf("the first reader got %v", got)
	}
	for range seq { // leaves at once
		break
	}
	func() {
		defer func() { _ = recover() }()
		for range seq {
			panic("in the loop")
		}
	}()
	if !gate.Enter() {
		t.Error("a reader that left its loop, or panicked in it, still holds the gate")
	}
}
