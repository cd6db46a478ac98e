// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// TestComparisonSeesEveryKindOfChange changes our contract one detail at a time: a comparison that cannot fail proves
// nothing.
func TestComparisonSeesEveryKindOfChange(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(rpc *descriptorpb.FileDescriptorProto)
		want   string // what the first difference is about
	}{
		{"nothing", func(*descriptorpb.FileDescriptorProto) {}, ""},
		{"field number", func(rpc *descriptorpb.FileDescriptorProto) {
			field(rpc, "RangeRequest", "limit").Number = proto.Int32(99)
		}, "etcdserverpb.RangeRequest.limit: "},
		{"field name", func(rpc *descriptorpb.FileDescriptorProto) {
			field(rpc, "RangeRequest", "limit").Name = proto.String("maximum")
		}, "etcdserverpb.RangeRequest.limit: missing"},
		{"JSON name", func(rpc *descriptorpb.FileDescriptorProto) {
			field(rpc, "LeaseGrantRequest", "TTL").JsonName = proto.String("ttl")
		}, "etcdserverpb.LeaseGrantRequest.TTL: "},
		{"field type", func(rpc *descriptorpb.FileDescriptorProto) {
			field(rpc, "RangeRequest", "limit").Type = descriptorpb.FieldDescriptorProto_TYPE_SINT64.Enum()
		}, "etcdserverpb.RangeRequest.limit: "},
		{"message type", func(rpc *descriptorpb.FileDescriptorProto) {
			field(rpc, "PutResponse", "prev_kv").TypeName = proto.String(".eetcd.mvccpb.Event")
		}, "etcdserverpb.PutResponse.prev_kv: "},
		{"repeated", func(rpc *descriptorpb.FileDescriptorProto) {
			field(rpc, "RangeRequest", "limit").Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		}, "etcdserverpb.RangeRequest.limit: "},
		{"packed", func(rpc *descriptorpb.FileDescriptorProto) {
			field(rpc, "WatchCreateRequest", "filters").Options = &descriptorpb.FieldOptions{Packed: proto.Bool(false)}
		}, "etcdserverpb.WatchCreateRequest.filters: "},
		{"presence", func(rpc *descriptorpb.FileDescriptorProto) {
			m, f := message(rpc, "RangeRequest"), field(rpc, "RangeRequest", "limit")
			m.OneofDecl = []*descriptorpb.OneofDescriptorProto{{Name: proto.String("_limit")}}
			f.OneofIndex, f.Proto3Optional = proto.Int32(0), proto.Bool(true)
		}, "etcdserverpb.RangeRequest._limit: etcd does not have"},
		{"out of its oneof", func(rpc *descriptorpb.FileDescriptorProto) {
			field(rpc, "Compare", "lease").OneofIndex = nil
		}, "etcdserverpb.Compare.lease: "},
		{"oneof name", func(rpc *descriptorpb.FileDescriptorProto) {
			message(rpc, "Compare").OneofDecl[0].Name = proto.String("operand")
		}, "etcdserverpb.Compare.create_revision: "},
		{"field missing", func(rpc *descriptorpb.FileDescriptorProto) {
			m := message(rpc, "StatusResponse")
			m.Field = m.Field[:len(m.Field)-1]
		}, "etcdserverpb.DowngradeInfo: missing"},
		{"field too many", func(rpc *descriptorpb.FileDescriptorProto) {
			m := message(rpc, "LeaseStatus")
			extra := proto.CloneOf(m.Field[0])
			extra.Name, extra.JsonName, extra.Number = proto.String("TTL"), nil, proto.Int32(2)
			m.Field = append(m.Field, extra)
		}, "etcdserverpb.LeaseStatus.TTL: etcd does not have"},
		{"reserved number", func(rpc *descriptorpb.FileDescriptorProto) {
			message(rpc, "WatchResponse").ReservedRange = []*descriptorpb.DescriptorProto_ReservedRange{{Start: proto.Int32(8), End: proto.Int32(11)}}
		}, "etcdserverpb.WatchResponse: "},
		{"reserved name", func(rpc *descriptorpb.FileDescriptorProto) {
			message(rpc, "WatchResponse").ReservedName = []string{"kv"}
		}, "etcdserverpb.WatchResponse: "},
		{"enum number", func(rpc *descriptorpb.FileDescriptorProto) {
			rpc.EnumType[0].Value[2].Number = proto.Int32(3)
		}, "etcdserverpb.AlarmType.CORRUPT: "},
		{"enum value name", func(rpc *descriptorpb.FileDescriptorProto) {
			rpc.EnumType[0].Value[2].Name = proto.String("DAMAGED")
		}, "etcdserverpb.AlarmType.CORRUPT: missing"},
		{"nested enum value", func(rpc *descriptorpb.FileDescriptorProto) {
			m := message(rpc, "RangeRequest")
			m.EnumType[1].Value = m.EnumType[1].Value[:4]
		}, "etcdserverpb.RangeRequest.SortTarget.VALUE: missing"},
		{"method name", func(rpc *descriptorpb.FileDescriptorProto) {
			rpc.Service[0].Method[0].Name = proto.String("Get")
		}, "etcdserverpb.KV.Get: etcd does not have"},
		{"method missing", func(rpc *descriptorpb.FileDescriptorProto) {
			rpc.Service[0].Method = rpc.Service[0].Method[1:]
		}, "etcdserverpb.KV.Range: missing"},
		{"request type", func(rpc *descriptorpb.FileDescriptorProto) {
			rpc.Service[0].Method[0].InputType = proto.String(".eetcd.etcdserverpb.PutRequest")
		}, "etcdserverpb.KV.Range: "},
		{"response type", func(rpc *descriptorpb.FileDescriptorProto) {
			rpc.Service[0].Method[0].OutputType = proto.String(".eetcd.etcdserverpb.PutResponse")
		}, "etcdserverpb.KV.Range: "},
		{"streaming request", func(rpc *descriptorpb.FileDescriptorProto) {
			rpc.Service[0].Method[0].ClientStreaming = proto.Bool(true)
		}, "etcdserverpb.KV.Range: "},
		{"streaming response", func(rpc *descriptorpb.FileDescriptorProto) {
			rpc.Service[0].Method[0].ServerStreaming = proto.Bool(true)
		}, "etcdserverpb.KV.Range: "},
		{"service name", func(rpc *descriptorpb.FileDescriptorProto) {
			rpc.Service[0].Name = proto.String("Store")
		}, "etcdserverpb.KV: missing"},
		{"service missing", func(rpc *descriptorpb.FileDescriptorProto) {
			rpc.Service = rpc.Service[:len(rpc.Service)-1]
		}, "authpb.Permission: missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours := contractOf(prefix, changed(t, test.change)...)
			got := differences(ours, contractOf("", etcdFiles...))
			if test.want == "" {
				if len(got) != 0 {
					t.Errorf("differences without a change: %q", got)
				}
				return
			}
			if len(got) == 0 {
				t.Fatal("no difference seen")
			}
			if !strings.HasPrefix(got[0], test.want) {
				t.Errorf("the first difference is %q, not about %q", got[0], test.want)
			}
		})
	}
}

// changed rebuilds our files after a change to rpc.proto.
func changed(t *testing.T, change func(rpc *descriptorpb.FileDescriptorProto)) []protoreflect.FileDescriptor {
	t.Helper()
	set := new(descriptorpb.FileDescriptorSet)
	for _, file := range ourFiles {
		f := protodesc.ToFileDescriptorProto(file)
		if strings.HasSuffix(file.Path(), "/rpc.proto") {
			change(f)
		}
		set.File = append(set.File, f)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		t.Fatal("the changed files are not valid:", err)
	}
	var all []protoreflect.FileDescriptor
	for _, file := range ourFiles {
		f, err := files.FindFileByPath(file.Path())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

func message(file *descriptorpb.FileDescriptorProto, name string) *descriptorpb.DescriptorProto {
	for _, m := range file.MessageType {
		if m.GetName() == name {
			return m
		}
	}
	panic("no message " + name)
}

func field(file *descriptorpb.FileDescriptorProto, in, name string) *descriptorpb.FieldDescriptorProto {
	for _, f := range message(file, in).Field {
		if f.GetName() == name {
			return f
		}
	}
	panic("no field " + name + " in " + in)
}
