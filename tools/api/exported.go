// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// exported renders the API of each package that a user of the module in dir can import.
func exported(dir string) ([]byte, error) {
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedTypes | packages.NeedModule,
		Dir:  dir,
	}, "./...")
	if err != nil {
		return nil, err
	}
	slices.SortFunc(loaded, func(a, b *packages.Package) int { return cmp.Compare(a.PkgPath, b.PkgPath) })
	var out bytes.Buffer
	for _, p := range loaded {
		for _, mistake := range p.Errors {
			err = errors.Join(err, mistake)
		}
		if p.Types == nil || p.Module == nil || !isPublic(p) {
			continue
		}
		if lines := symbols(p.Types, p.Module.Path); len(lines) > 0 {
			fmt.Fprintf(&out, "package %s\n\n%s\n\n", p.PkgPath, strings.Join(lines, "\n"))
		}
	}
	if err == nil && out.Len() == 0 {
		err = fmt.Errorf("there are no packages in %s", dir)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// isPublic reports whether a user can import the package and it is not generated.
func isPublic(p *packages.Package) bool {
	if p.Name == "main" {
		return false
	}
	for folder := range strings.SplitSeq(strings.TrimPrefix(p.PkgPath, p.Module.Path+"/"), "/") {
		if folder == "internal" || folder == "gen" || folder == "examples" {
			return false
		}
	}
	return true
}

// symbols returns the exported symbols of a package, with the fields and methods of types, sorted.
func symbols(p *types.Package, module string) []string {
	var lines []string
	for _, name := range p.Scope().Names() {
		if object := p.Scope().Lookup(name); object.Exported() {
			lines = append(lines, symbol(object, module)...)
		}
	}
	slices.Sort(lines)
	return lines
}

func symbol(object types.Object, module string) []string {
	local := func(p *types.Package) string {
		if p == object.Pkg() {
			return ""
		}
		return p.Name()
	}
	switch o := object.(type) {
	case *types.Const:
		return []string{fmt.Sprintf("%s = %s", types.ObjectString(o, local), o.Val().ExactString())}
	case *types.TypeName:
		if of, ok := o.Type().(*types.Alias); ok {
			line := fmt.Sprintf("type %s = %s", o.Name(), types.TypeString(of.Rhs(), local))
			// A user sees an internal type only through this name.
			if named, ok := types.Unalias(of).(*types.Named); ok && isInternal(named.Obj().Pkg(), module) {
				return append([]string{line}, members(o.Name(), named, local)...)
			}
			return []string{line}
		}
		return members(o.Name(), o.Type().(*types.Named), local)
	default:
		return []string{types.ObjectString(object, local)}
	}
}

func isInternal(p *types.Package, module string) bool {
	return p != nil && strings.HasPrefix(p.Path(), module+"/internal/")
}

// members returns a type's own line, and a line for each exported field and method.
func members(name string, named *types.Named, local types.Qualifier) []string {
	var lines []string
	kind := types.TypeString(named.Underlying(), local)
	switch under := named.Underlying().(type) {
	case *types.Struct:
		kind = "struct"
		for f := range under.Fields() {
			if f.Exported() {
				lines = append(lines, fmt.Sprintf("field %s.%s %s", name, f.Name(), types.TypeString(f.Type(), local)))
			}
		}
	case *types.Interface:
		kind = "interface"
	}
	lines = append(lines, fmt.Sprintf("type %s%s %s", name, parameters(named, local), kind))
	receiver := types.Type(named)
	if !types.IsInterface(named) {
		receiver = types.NewPointer(named)
	}
	for selection := range types.NewMethodSet(receiver).Methods() {
		f, ok := selection.Obj().(*types.Func)
		if !ok || !f.Exported() {
			continue
		}
		star := ""
		if recv := f.Signature().Recv(); recv != nil {
			if _, ok := recv.Type().(*types.Pointer); ok {
				star = "*"
			}
		}
		signature := strings.TrimPrefix(types.TypeString(f.Signature(), local), "func")
		lines = append(lines, fmt.Sprintf("method (%s%s) %s%s", star, name, f.Name(), signature))
	}
	return lines
}

// parameters returns the parameters of a generic type, in brackets.
func parameters(named *types.Named, local types.Qualifier) string {
	var all []string
	for p := range named.TypeParams().TypeParams() {
		all = append(all, p.Obj().Name()+" "+types.TypeString(p.Constraint(), local))
	}
	if len(all) == 0 {
		return ""
	}
	return "[" + strings.Join(all, ", ") + "]"
}
