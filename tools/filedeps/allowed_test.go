// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
)

func TestCirclesThatAreNotAllowedAreReported(t *testing.T) {
	files := []string{"a.go", "b.go", "c.go"}
	ab, bc, ca, ba := dependency{0, 1}, dependency{1, 2}, dependency{2, 0}, dependency{1, 0}
	for name, tt := range map[string]struct {
		uses    []dependency
		allowed []string
		want    []string
	}{
		"one direction":      {[]dependency{ab, bc}, nil, nil},
		"a circle of two":    {[]dependency{ab, ba}, nil, []string{"a circle: a.go -> b.go -> a.go"}},
		"a circle of three":  {[]dependency{ab, bc, ca}, nil, []string{"a circle: a.go -> b.go -> c.go -> a.go"}},
		"an allowed one":     {[]dependency{ab, bc, ca}, []string{"c.go -> a.go"}, nil},
		"one of two allowed": {[]dependency{ab, ba, bc, ca}, []string{"b.go -> a.go"}, []string{"a circle: a.go -> b.go -> c.go -> a.go"}},
		"both allowed":       {[]dependency{ab, ba, bc, ca}, []string{"b.go -> a.go", "c.go -> a.go"}, nil},
		"no circle any more": {[]dependency{ab, bc}, []string{"a.go -> b.go"}, []string{"a.go -> b.go is in no circle: take it off the list"}},
		"no file any more":   {[]dependency{ab}, []string{"d.go -> a.go"}, []string{"d.go -> a.go is in no circle: take it off the list"}},
	} {
		g := &graph{files: files, uses: map[dependency]map[string]bool{}}
		for _, d := range tt.uses {
			g.uses[d] = map[string]bool{"x": true}
		}
		if got := g.complaints(tt.allowed); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestListOfAllowedDependenciesIsParsed(t *testing.T) {
	got, err := parseAllowed("# a comment\n\nx/y: a.go -> b.go # why\nx/y: c.go -> b.go\n")
	if err != nil || !slices.Equal(got["x/y"], []string{"a.go -> b.go", "c.go -> b.go"}) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := parseAllowed("x/y a.go b.go"); err == nil {
		t.Error("a wrong line is taken")
	}
}
