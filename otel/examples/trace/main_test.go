// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTraceShowsBothAttemptsOfAHedgedRead(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Range took ", "db.system.name = etcd", "etcd.hedged = true", "etcd.attempt.kind = first", "etcd.attempt.kind = hedge",
		"etcd.attempt.lost = true", "etcd.outcome = done",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
}
