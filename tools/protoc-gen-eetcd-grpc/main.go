// SPDX-License-Identifier: Apache-2.0

// Command protoc-gen-eetcd-grpc is a protoc plugin. It takes the private package prefix off the protos, and runs
// another plugin, protoc-gen-go-grpc, on them:
//
//	protoc-gen-eetcd-grpc path/to/protoc-gen-go-grpc
//
// The messages of the SDK are registered as eetcd.etcdserverpb.RangeRequest, so that they never collide with etcd's own
// in the global registry. A server knows the method only as /etcdserverpb.KV/Range. The service stubs take only the
// method names from the proto package. File names and Go import paths stay the same.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	if err := run(os.Stdin, os.Stdout, os.Stderr, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "protoc-gen-eetcd-grpc:", err)
		os.Exit(1)
	}
}

// run passes the stripped request on stdin to the plugin that command names. The plugin's answer goes to stdout
// unchanged.
func run(stdin io.Reader, stdout, stderr io.Writer, command []string) error {
	if len(command) == 0 {
		return fmt.Errorf("the plugin to run is missing: protoc-gen-eetcd-grpc path/to/protoc-gen-go-grpc")
	}
	in, err := io.ReadAll(stdin)
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	request := new(pluginpb.CodeGeneratorRequest)
	if err := proto.Unmarshal(in, request); err != nil {
		return fmt.Errorf("decode the request: %w", err)
	}
	strip(request)
	out, err := proto.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	plugin := exec.Command(command[0], command[1:]...)
	plugin.Stdin, plugin.Stdout, plugin.Stderr = bytes.NewReader(out), stdout, stderr
	if err := plugin.Run(); err != nil {
		return fmt.Errorf("run %s: %w", command[0], err)
	}
	return nil
}
