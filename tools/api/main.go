// SPDX-License-Identifier: Apache-2.0

// Command api keeps the exported API of a module in a file, so that a review shows each change of it:
//
//	api -C dir file            # fails, and prints the difference, if the file is stale
//	api -C dir -write file     # makes the file
//
// The file has a section for each package that users can import, and a line for each symbol, field and method, without
// comments. Generated code is left out, because gen-check compares it with the protos.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	dir := flag.String("C", ".", "the folder of the module")
	write := flag.Bool("write", false, "make the file")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(os.Stdout, *dir, flag.Arg(0), *write); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

// run makes the file, or compares it with the module and prints the lines that differ.
func run(out io.Writer, dir, file string, write bool) error {
	now, err := exported(dir)
	if err != nil {
		return err
	}
	if write {
		return os.WriteFile(file, now, 0o644)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if bytes.Equal(before, now) {
		return nil
	}
	for _, line := range difference(before, now) {
		fmt.Fprintln(out, line)
	}
	return fmt.Errorf("%s is stale: run make api", file)
}

// difference returns removed lines with a minus and added lines with a plus. Each has the name of its package.
func difference(before, now []byte) []string {
	was, is := qualified(before), qualified(now)
	var lines []string
	for _, side := range []struct {
		sign          string
		these, others []string
	}{{"-", was, is}, {"+", is, was}} {
		there := map[string]bool{}
		for _, line := range side.others {
			there[line] = true
		}
		for _, line := range side.these {
			if !there[line] {
				lines = append(lines, side.sign+" "+line)
			}
		}
	}
	return lines
}

// qualified returns the lines of a file, each with the name of its package in front.
func qualified(file []byte) []string {
	var lines []string
	pkg := ""
	for line := range bytes.Lines(file) {
		line = bytes.TrimRight(line, "\n")
		if name, ok := bytes.CutPrefix(line, []byte("package ")); ok {
			pkg = string(name)
		} else if len(line) > 0 {
			lines = append(lines, pkg+": "+string(line))
		}
	}
	return lines
}
