// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// contract lists what two programs must agree on to talk to each other, one fact per name: services and their methods,
// and every message, field, oneof and enum that these refer to.
type contract map[string]string

// contractOf reads the services of files. It takes the prefix off names that have it.
func contractOf(prefix string, files ...protoreflect.FileDescriptor) contract {
	r := reader{prefix: prefix, found: contract{}}
	for _, file := range files {
		for i := range file.Services().Len() {
			r.service(file.Services().Get(i))
		}
	}
	return r.found
}

type reader struct {
	prefix string
	found  contract
}

func (r reader) name(d protoreflect.Descriptor) string {
	return strings.TrimPrefix(string(d.FullName()), r.prefix)
}

func (r reader) service(s protoreflect.ServiceDescriptor) {
	r.found[r.name(s)] = "service"
	for i := range s.Methods().Len() {
		m := s.Methods().Get(i)
		r.found[r.name(m)] = fmt.Sprintf("method(%s) returns (%s), streams in %t, out %t",
			r.name(m.Input()), r.name(m.Output()), m.IsStreamingClient(), m.IsStreamingServer())
		r.message(m.Input())
		r.message(m.Output())
	}
}

func (r reader) message(m protoreflect.MessageDescriptor) {
	if _, seen := r.found[r.name(m)]; seen {
		return
	}
	r.found[r.name(m)] = fmt.Sprintf("message of %v, reserved numbers %v, names %v, extensions %v, map entry %t",
		m.ParentFile().Syntax(), ranges(m.ReservedRanges()), names(m.ReservedNames()), ranges(m.ExtensionRanges()), m.IsMapEntry())
	for i := range m.Oneofs().Len() {
		o := m.Oneofs().Get(i)
		r.found[r.name(o)] = fmt.Sprintf("oneof, synthetic %t", o.IsSynthetic())
	}
	for i := range m.Fields().Len() {
		r.field(m.Fields().Get(i))
	}
}

func (r reader) field(f protoreflect.FieldDescriptor) {
	kind := f.Kind().String()
	switch {
	case f.Message() != nil:
		kind += " " + r.name(f.Message())
		r.message(f.Message())
	case f.Enum() != nil:
		kind += " " + r.name(f.Enum())
		r.enum(f.Enum())
	}
	oneof := "none"
	if o := f.ContainingOneof(); o != nil {
		oneof = string(o.Name())
	}
	r.found[r.name(f)] = fmt.Sprintf("field %d: %v %s, presence %t, packed %t, oneof %s, JSON name %s, default %v",
		f.Number(), f.Cardinality(), kind, f.HasPresence(), f.IsPacked(), oneof, f.JSONName(), f.Default())
}

func (r reader) enum(e protoreflect.EnumDescriptor) {
	r.found[r.name(e)] = fmt.Sprintf("enum, closed %t, reserved numbers %v, names %v",
		e.IsClosed(), enumRanges(e.ReservedRanges()), names(e.ReservedNames()))
	for i := range e.Values().Len() {
		v := e.Values().Get(i)
		// A value is a sibling of its enum in protobuf's scopes; a reader looks for it inside.
		r.found[r.name(e)+"."+string(v.Name())] = fmt.Sprintf("enum value %d", v.Number())
	}
}

func ranges(rs protoreflect.FieldRanges) (all []string) {
	for i := range rs.Len() {
		all = append(all, fmt.Sprint(rs.Get(i)))
	}
	return all
}

func enumRanges(rs protoreflect.EnumRanges) (all []string) {
	for i := range rs.Len() {
		all = append(all, fmt.Sprint(rs.Get(i)))
	}
	return all
}

func names(ns protoreflect.Names) (all []string) {
	for i := range ns.Len() {
		all = append(all, string(ns.Get(i)))
	}
	return all
}

// differences lists, in order, where two contracts differ.
func differences(ours, theirs contract) (all []string) {
	union := maps.Clone(ours)
	maps.Copy(union, theirs)
	for _, name := range slices.Sorted(maps.Keys(union)) {
		our, inOurs := ours[name]
		their, inTheirs := theirs[name]
		switch {
		case !inOurs:
			all = append(all, fmt.Sprintf("%s: missing; etcd has %s", name, their))
		case !inTheirs:
			all = append(all, fmt.Sprintf("%s: etcd does not have this %s", name, our))
		case our != their:
			all = append(all, fmt.Sprintf("%s: %s; etcd has %s", name, our, their))
		}
	}
	return all
}
