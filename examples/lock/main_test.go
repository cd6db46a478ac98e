// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"regexp"
	"strconv"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
)

func TestWorkersTakeTurnsAndALateWriteIsRefused(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	counts := regexp.MustCompile(`worker \d: +(\d+), with fencing revision (\d+)`).FindAllStringSubmatch(out.String(), -1)
	if len(counts) != workers*rounds {
		t.Fatalf("%d counts, want %d\n%s", len(counts), workers*rounds, &out)
	}
	last := 0
	for i, c := range counts {
		n, _ := strconv.Atoi(c[1])
		rev, _ := strconv.Atoi(c[2])
		if n != i+1 || rev <= last {
			t.Errorf("count %d: %s", i+1, c[0])
		}
		last = rev
	}
	if !bytes.Contains(out.Bytes(), []byte("its write was refused")) {
		t.Errorf("a late write was not refused\n%s", &out)
	}
	if open := conn.Info(); len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
}
