// SPDX-License-Identifier: Apache-2.0

// Command filedeps shows how the files of packages depend on each other. A file depends on another one of its package
// if it names anything that is declared there. For each package the command looks for an order of the files with few
// dependencies back up. It prints the number of all dependencies, and those that run back up. It also prints each
// method that is declared in another file than its type. Tests and generated code are left out.
//
// With -check it prints only the circles that are left without the dependencies in a list of exceptions, and fails if there are
// any. It fails as well if an exception is in no circle any more.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"golang.org/x/tools/go/packages"
)

func main() {
	dir := flag.String("C", ".", "the module's `directory`")
	exceptions := flag.String("check", "", "a `file` of exceptions; any other circle is an error")
	flag.Parse()
	if err := run(*dir, *exceptions, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "filedeps:", err)
		os.Exit(1)
	}
}

func run(dir, exceptions string, patterns []string) error {
	loaded, err := packages.Load(&packages.Config{Dir: dir, Mode: packages.LoadSyntax}, patterns...)
	if err != nil {
		return err
	}
	if packages.PrintErrors(loaded) > 0 {
		return errors.New("the packages do not compile")
	}
	if exceptions != "" {
		return check(loaded, exceptions)
	}
	for _, p := range loaded {
		show(p.PkgPath, read(p.Fset, p.Syntax, p.TypesInfo))
	}
	return nil
}

func show(path string, g *graph) {
	back := g.back(g.order())
	fmt.Printf("%s: %d files, %d dependencies, %d back up, %d methods away from their types\n",
		path, len(g.files), g.edges(), len(back), len(g.strays))
	for _, d := range back {
		fmt.Printf("  %s: %s\n", g.name(d), g.names(d))
	}
	for _, s := range g.strays {
		fmt.Println("  away:", s)
	}
}

func check(loaded []*packages.Package, exceptions string) error {
	text, err := os.ReadFile(exceptions)
	if err != nil {
		return err
	}
	allowed, err := parseAllowed(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", exceptions, err)
	}
	wrong := 0
	for _, p := range loaded {
		for _, c := range read(p.Fset, p.Syntax, p.TypesInfo).complaints(allowed[p.PkgPath]) {
			fmt.Fprintf(os.Stderr, "%s: %s\n", p.PkgPath, c)
			wrong++
		}
		delete(allowed, p.PkgPath)
	}
	for path := range allowed {
		fmt.Fprintf(os.Stderr, "%s: there is no such package: take it off the list\n", path)
		wrong++
	}
	if wrong > 0 {
		return fmt.Errorf("files of a package should depend on each other in one direction; the exceptions are in %s", exceptions)
	}
	return nil
}
