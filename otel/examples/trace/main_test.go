// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTraceShowsBothAttemptsOfAHedgedReadAndABatch(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	hedge, batch, _ := strings.Cut(out.String(), "\nRange, span ")
	for part, wants := range map[string][]string{
		hedge: {
			"Range, span ", "db.system.name = etcd", "etcd.hedged = true", "etcd.attempt.kind = first", "etcd.attempt.kind = hedge",
			"etcd.attempt.lost = true", "etcd.outcome = done",
		},
		batch: {"etcd.batched = true", "\nBATCH Range, span ", "child of ", "linked with ", "etcd.attempt.number = 1", "etcd.outcome = done"},
	} {
		for _, want := range wants {
			if !strings.Contains(part, want) {
				t.Errorf("the output lacks %q:\n%s", want, &out)
			}
		}
	}
}
