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

func TestCallsAreAnsweredThroughTheDeathOfServicesAndMembers(t *testing.T) {
	t.Setenv(asProgram, "1")
	t.Setenv(endpointsEnv, "")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	rest := out.String()
	for _, pattern := range []string{
		`At revision \d+:`,
		`service +process +address +calls.*\n +api-1 +\d+ +127.0.0.1:\d+ +\d+\n +api-2 .*\n +api-3 .*\n`,
		`16 callers of a gRPC client`,
		`api-2 is killed`,
		`At revision \d+ api-2 left:\n.*\n +api-1 .* [1-9]\d*\n +api-3 .* [1-9]\d*\n`,
		`calls, none failed`,
		`The leader of the cluster`,
		`At revision \d+ api-4 came:\n.*\n +api-1 .*\n +api-3 .*\n +api-4 .*\n`,
		`More than a TTL later, all three are still there`,
		`registry \| Frozen \| .*connection refused`,
		`The cluster loses all that it has stored`,
		`All three are there again`,
		`api-4 leaves in good order`,
		`At revision \d+ api-4 left:\n.*\n +api-1 .*\n +api-3 .*\n`,
		`The others leave too`,
		`Done\. The client made \d+ calls, none failed`,
	} {
		at := regexp.MustCompile(pattern).FindStringIndex(rest)
		if at == nil {
			t.Fatalf("no %q in what is left of\n%s", pattern, &out)
		}
		rest = rest[at[1]:]
	}
	if n := strings.Count(out.String(), "api-2 left:"); n != 1 {
		t.Errorf("the killed service left %d times\n%s", n, &out)
	}
	_, end, _ := strings.Cut(out.String(), "The others leave too")
	if n := strings.Count(end, " left:"); n != 2 {
		t.Errorf("%d services left at the end, want two\n%s", n, &out)
	}
	if open := conn.Info(); len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
}
