// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// request has each kind of type reference, over two files.
func request() *pluginpb.CodeGeneratorRequest {
	message := descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum()
	optional := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()
	kv := &descriptorpb.FileDescriptorProto{
		Name:    proto.String("eetcd/mvccpb/kv.proto"),
		Package: proto.String("eetcd.mvccpb"),
		Syntax:  proto.String("proto2"),
		Options: &descriptorpb.FileOptions{GoPackage: proto.String("example.com/gen/mvccpb")},
		MessageType: []*descriptorpb.DescriptorProto{{
			Name:           proto.String("KeyValue"),
			ExtensionRange: []*descriptorpb.DescriptorProto_ExtensionRange{{Start: proto.Int32(100), End: proto.Int32(200)}},
		}},
	}
	rpc := &descriptorpb.FileDescriptorProto{
		Name:       proto.String("eetcd/etcdserverpb/rpc.proto"),
		Package:    proto.String("eetcd.etcdserverpb"),
		Syntax:     proto.String("proto2"),
		Dependency: []string{"eetcd/mvccpb/kv.proto", "google/protobuf/descriptor.proto"},
		Options:    &descriptorpb.FileOptions{GoPackage: proto.String("example.com/gen/etcdserverpb")},
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("Outer"),
			NestedType: []*descriptorpb.DescriptorProto{{
				Name: proto.String("Inner"),
				Field: []*descriptorpb.FieldDescriptorProto{
					{Name: proto.String("kv"), Number: proto.Int32(1), Label: optional, Type: message, TypeName: proto.String(".eetcd.mvccpb.KeyValue")},
					{Name: proto.String("plain"), Number: proto.Int32(2), Label: optional, Type: descriptorpb.FieldDescriptorProto_TYPE_BOOL.Enum()},
					{Name: proto.String("foreign"), Number: proto.Int32(3), Label: optional, Type: message, TypeName: proto.String(".google.protobuf.FieldOptions")},
				},
				Extension: []*descriptorpb.FieldDescriptorProto{
					{Name: proto.String("nested"), Number: proto.Int32(100), Label: optional, Type: message, TypeName: proto.String(".eetcd.etcdserverpb.Outer"), Extendee: proto.String(".eetcd.mvccpb.KeyValue")},
				},
			}},
		}},
		Extension: []*descriptorpb.FieldDescriptorProto{
			{Name: proto.String("top"), Number: proto.Int32(101), Label: optional, Type: message, TypeName: proto.String(".eetcd.etcdserverpb.Outer.Inner"), Extendee: proto.String(".eetcd.mvccpb.KeyValue")},
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("KV"),
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name:       proto.String("Range"),
				InputType:  proto.String(".eetcd.etcdserverpb.Outer"),
				OutputType: proto.String(".eetcd.mvccpb.KeyValue"),
			}},
		}},
	}
	foreign := protodesc.ToFileDescriptorProto(descriptorpb.File_google_protobuf_descriptor_proto)
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate:        []string{kv.GetName(), rpc.GetName()},
		ProtoFile:             []*descriptorpb.FileDescriptorProto{foreign, kv, rpc},
		SourceFileDescriptors: []*descriptorpb.FileDescriptorProto{proto.CloneOf(kv), proto.CloneOf(rpc)},
	}
}

func TestStripRenamesPackagesAndEveryReferenceToThem(t *testing.T) {
	stripped := request()
	strip(stripped)

	// The resolution of the files fails if a reference names something that no longer exists.
	files, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: stripped.ProtoFile})
	if err != nil {
		t.Fatal("the stripped files do not fit together:", err)
	}
	for _, name := range []protoreflect.FullName{
		"etcdserverpb.Outer", "etcdserverpb.Outer.Inner", "etcdserverpb.Outer.Inner.nested", "etcdserverpb.top",
		"etcdserverpb.KV", "mvccpb.KeyValue", "google.protobuf.FieldOptions",
	} {
		if _, err := files.FindDescriptorByName(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i, file := range stripped.SourceFileDescriptors {
		if want := stripped.ProtoFile[i+1]; !proto.Equal(file, want) {
			t.Errorf("source descriptor of %s differs from the proto file:\n%v\n%v", want.GetName(), file, want)
		}
	}
}

func TestStripLeavesFileNamesAndImportPathsAlone(t *testing.T) {
	before, after := request(), request()
	strip(after)
	for i, file := range after.ProtoFile {
		was := before.ProtoFile[i]
		if file.GetName() != was.GetName() {
			t.Errorf("file %s became %s", was.GetName(), file.GetName())
		}
		if file.GetOptions().GetGoPackage() != was.GetOptions().GetGoPackage() {
			t.Errorf("%s: go_package %s became %s", was.GetName(), was.GetOptions().GetGoPackage(), file.GetOptions().GetGoPackage())
		}
		for j, dependency := range file.GetDependency() {
			if dependency != was.GetDependency()[j] {
				t.Errorf("%s: import %s became %s", was.GetName(), was.GetDependency()[j], dependency)
			}
		}
	}
	if !proto.Equal(after.ProtoFile[0], before.ProtoFile[0]) {
		t.Error("a file outside the prefix was changed")
	}
}
