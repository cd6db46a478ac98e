// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exempt lists rows that claim the same and have no program, with the reason.
var exempt = map[string]string{
	"New": "the adapter replaces it", "Config.Endpoints": "of conn.Open", "Config.Context": "of conn.Open",
	"Config.RejectOldCluster": "of conn.Open", "ConfigSpec": "of package config", "ErrNoAvailableEndpoints": "of conn.Open",
	"ErrOldCluster": "of clientv3.New",
}

// TestEachRowOfTheGuideThatClaimsTheSameHasAProgram: a row of docs/clientv3.md without a word in its last column says that nothing is
// different. Then a program has to run that call over both clients.
func TestEachRowOfTheGuideThatClaimsTheSameHasAProgram(t *testing.T) {
	text, err := os.ReadFile("../../docs/clientv3.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tables, found := strings.Cut(string(text), "\n## Call by call\n")
	if !found {
		t.Fatal("the guide has no tables")
	}
	tables, _, _ = strings.Cut(tables, "\n## The other packages\n")
	covered := map[string]bool{}
	for _, list := range programs {
		for _, one := range list {
			for _, name := range strings.Fields(one.covers) {
				covered[name] = true
			}
		}
	}
	symbol := regexp.MustCompile("`(?:clientv3\\.)?((?:rpctypes\\.|concurrency\\.)?[A-Z]\\w*(?:\\.[A-Z]\\w*)?)`")
	rows := 0
	for _, line := range strings.Split(tables, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.HasPrefix(line, "| `") {
			continue
		}
		if last := strings.TrimSpace(cells[3]); last != "" && !strings.HasPrefix(strings.ToLower(last), "the same names") {
			continue
		}
		var names []string
		for _, m := range symbol.FindAllStringSubmatch(cells[1], -1) {
			names = append(names, m[1])
		}
		rows++
		has := func(name string) bool { return covered[name] || exempt[name] != "" }
		if !slices.ContainsFunc(names, has) {
			t.Errorf("no program covers any of %q", names)
		}
	}
	if rows < 60 {
		t.Errorf("only %d rows claim the same: are they looked for in the right way?", rows)
	}
}
