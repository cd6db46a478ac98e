// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// ways lists the programs of the guide's first section, in its order. They count on in one cluster.
var ways = []string{"before", "adapter", "mixed", "after"}

func TestProgramsOfTheGuideAreThoseOfTheExamples(t *testing.T) {
	text, err := os.ReadFile("../../docs/clientv3.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```go adapter\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != len(ways) {
		t.Fatalf("the guide has %d programs, want %d", len(blocks), len(ways))
	}
	for i, name := range ways {
		source, err := os.ReadFile("examples/" + name + "/main.go")
		if err != nil {
			t.Fatal(err)
		}
		_, visit, _ := strings.Cut(string(source), "\nfunc visit(")
		if blocks[i][1] != "func visit("+visit {
			t.Errorf("examples/%s has another program than the guide", name)
		}
	}
}

func TestProgramsOfTheGuideCountOn(t *testing.T) {
	for i, name := range ways {
		out, err := exec.Command("go", "run", "./examples/"+name, cluster.Endpoints()[0]).CombinedOutput()
		if want := fmt.Sprintf("visit %d\n", i+1); err != nil || string(out) != want {
			t.Errorf("%s: %v, output %q, want %q", name, err, out, want)
		}
	}
}
