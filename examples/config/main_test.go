// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
)

func TestWorkersHaveValidSettingsAllTheWhile(t *testing.T) {
	t.Setenv(endpointsEnv, "")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	rest := out.String()
	for _, pattern := range []string{ // in this order; what the callbacks print may come a little later
		`4 workers begin with the default: \{Limit:50 Queue:default\}`,
		`An operator writes settings`,
		`forgets a brace`,
		`Refused: .*JSON`,
		`The last good settings stay: \{Limit:100 Queue:orders\}`,
		`forgets the limit`,
		`Refused: .*the limit is 0`,
		`The last good settings stay: \{Limit:100 Queue:orders\}`,
		`The cluster is restored from a backup`,
		`In step: true, lists after the first: [1-9]`,
		`The operator deletes the settings`,
		`Done\. The workers did [1-9]\d* jobs, and 0 of them without valid settings`,
	} {
		at := regexp.MustCompile(pattern).FindStringIndex(rest)
		if at == nil {
			t.Fatalf("no %q in what is left of\n%s", pattern, &out)
		}
		rest = rest[at[1]:]
	}
	if open := conn.Info(); len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
}
