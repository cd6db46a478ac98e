// SPDX-License-Identifier: Apache-2.0

// Command filedeps shows how the files of packages depend on each other. A file depends on another one of its package
// if it names anything that is declared there. For each package the command looks for an order of the files with few
// dependencies back up. It prints the number of all dependencies, and those that run back up. It also prints each
// method that is declared in another file than its type. Tests and generated code are left out.
package main

import (
	"flag"
	"fmt"
	"os"

	"golang.org/x/tools/go/packages"
)

func main() {
	dir := flag.String("C", ".", "the module's `directory`")
	flag.Parse()
	loaded, err := packages.Load(&packages.Config{Dir: *dir, Mode: packages.LoadSyntax}, flag.Args()...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "filedeps:", err)
		os.Exit(1)
	}
	if packages.PrintErrors(loaded) > 0 {
		os.Exit(1)
	}
	for _, p := range loaded {
		g := read(p.Fset, p.Syntax, p.TypesInfo)
		order := g.order()
		back := g.back(order)
		fmt.Printf("%s: %d files, %d dependencies, %d back up, %d methods away from their types\n",
			p.PkgPath, len(g.files), g.edges(), len(back), len(g.strays))
		for _, d := range back {
			fmt.Printf("  %s -> %s: %s\n", g.files[d.from], g.files[d.to], g.names(d))
		}
		for _, s := range g.strays {
			fmt.Println("  away:", s)
		}
	}
}
