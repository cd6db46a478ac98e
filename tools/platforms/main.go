// SPDX-License-Identifier: Apache-2.0

// Command platforms checks that a module compiles, tests included, on other platforms than this one:
//
//	platforms -C dir linux/386 windows/amd64
//
// It checks types from source and makes no code. So it takes seconds for each platform, where go vet would first compile every
// package that the module needs, the standard library included.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	dir := flag.String("C", ".", "the folder of the module")
	flag.Parse()
	if failures := run(os.Stdout, *dir, flag.Args()); failures > 0 {
		os.Exit(1)
	}
}

// run prints what is wrong on each platform, and returns the number of mistakes.
func run(out io.Writer, dir string, platforms []string) (failures int) {
	sources := newSources()
	for _, platform := range platforms {
		goos, goarch, ok := strings.Cut(platform, "/")
		if !ok {
			fmt.Fprintf(out, "%s: is not written as GOOS/GOARCH\n", platform)
			failures++
			continue
		}
		for _, mistake := range sources.check(dir, goos, goarch) {
			fmt.Fprintf(out, "%s: %s\n", platform, mistake)
			failures++
		}
	}
	return failures
}
