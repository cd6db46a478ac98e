// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// prefix is the first element of every proto package of the SDK.
const prefix = "eetcd."

// strip takes the prefix off the packages of a request and off every reference to their types.
func strip(request *pluginpb.CodeGeneratorRequest) {
	for _, file := range request.ProtoFile {
		stripFile(file)
	}
	for _, file := range request.SourceFileDescriptors {
		stripFile(file)
	}
}

func stripFile(file *descriptorpb.FileDescriptorProto) {
	if name, ok := strings.CutPrefix(file.GetPackage(), prefix); ok {
		file.Package = proto.String(name)
	}
	for _, message := range file.MessageType {
		stripMessage(message)
	}
	stripFields(file.Extension)
	for _, service := range file.Service {
		for _, method := range service.Method {
			method.InputType = stripReference(method.InputType)
			method.OutputType = stripReference(method.OutputType)
		}
	}
}

func stripMessage(message *descriptorpb.DescriptorProto) {
	stripFields(message.Field)
	stripFields(message.Extension)
	for _, nested := range message.NestedType {
		stripMessage(nested)
	}
}

func stripFields(fields []*descriptorpb.FieldDescriptorProto) {
	for _, field := range fields {
		field.TypeName = stripReference(field.TypeName)
		field.Extendee = stripReference(field.Extendee)
	}
}

// stripReference changes only fully qualified references with a leading dot, the form that compilers write.
func stripReference(name *string) *string {
	if name == nil {
		return nil
	}
	if rest, ok := strings.CutPrefix(*name, "."+prefix); ok {
		return proto.String("." + rest)
	}
	return name
}
