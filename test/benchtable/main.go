// SPDX-License-Identifier: Apache-2.0

// Benchtable prints the figures that the benchmarks of one run of `make bench` have kept in a file, as one table in Markdown.
//
//	EETCD_BENCH_ROWS=$PWD/rows go run ./watchbench
//	go run ./benchtable rows
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/eetcd-go/eetcd/test/internal/bench"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: benchtable FILE")
		os.Exit(2)
	}
	rows, err := bench.Rows(os.Args[1])
	if err == nil {
		err = write(os.Stdout, rows)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

func write(out io.Writer, rows []bench.Row) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "\nAll figures, on %s: medians, and the medians of the rounds' ratios.\n\n", machine())
	fmt.Fprintln(w, "| what | eetcd | clientv3 | bare stub | eetcd / clientv3 | eetcd / stub |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|")
	for _, r := range rows {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n",
			strings.ReplaceAll(r.What, "|", "/"), r.Eetcd, r.ClientV3, r.Raw, ratio(r.ToClientV3), ratio(r.ToRaw))
	}
	return w.Flush()
}

func ratio(v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", v)
}

// machine names what the figures depend on. Only Linux tells the model of its CPU in a file.
func machine() string {
	name := fmt.Sprintf("%s %s/%s, %d CPUs", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return name
	}
	for line := range strings.Lines(string(info)) {
		if key, model, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == "model name" {
			return name + " (" + strings.TrimSpace(model) + ")"
		}
	}
	return name
}
