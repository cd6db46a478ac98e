// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
)

// asProgram makes the test binary run the program, as it does for the services that it starts.
const asProgram = "DISCOVERY_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestBoardShowsServicesThroughTheDeathOfOneAndOfAMember(t *testing.T) {
	t.Setenv(asProgram, "1")
	t.Setenv(endpointsEnv, "")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	rest := out.String()
	for _, pattern := range []string{
		`At revision \d+:`,
		`service +process +since revision\n +api-1 +\d+ +\d+\n +api-2 +\d+ +\d+\n +worker +\d+ +\d+\n`,
		`api-2 is killed`,
		`At revision \d+ api-2 left:\n.*\n +api-1 .*\n +worker .*\n`,
		`The leader of the cluster`,
		`At revision \d+ api-3 came:\n.*\n +api-1 .*\n +api-3 .*\n +worker .*\n`,
		`More than a TTL later, all three are still there`,
		`registry \| Frozen \| .*connection refused`,
		`The worker leaves in good order`,
		`At revision \d+ worker left:\n.*\n +api-1 .*\n +api-3 .*\n`,
		`The others leave too`,
		`Done\.`,
	} {
		at := regexp.MustCompile(pattern).FindStringIndex(rest)
		if at == nil {
			t.Fatalf("no %q in what is left of\n%s", pattern, &out)
		}
		rest = rest[at[1]:]
	}
	if n := strings.Count(out.String(), " left:"); n != 4 {
		t.Errorf("%d services left, want each of the four once\n%s", n, &out)
	}
	if open := conn.Info(); len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
}
