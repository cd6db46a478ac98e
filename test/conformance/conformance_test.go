// SPDX-License-Identifier: Apache-2.0

// Package conformance proves that the wire contract of the SDK equals etcd's, and that both fit into one program.
package conformance

import (
	"testing"

	etcdauthpb "go.etcd.io/etcd/api/v3/authpb"
	etcdpb "go.etcd.io/etcd/api/v3/etcdserverpb"
	etcdmvccpb "go.etcd.io/etcd/api/v3/mvccpb"
	etcdelectionpb "go.etcd.io/etcd/server/v3/etcdserver/api/v3election/v3electionpb"
	etcdlockpb "go.etcd.io/etcd/server/v3/etcdserver/api/v3lock/v3lockpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/eetcd-go/eetcd/gen/authpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

const prefix = "eetcd."

var (
	ourFiles = []protoreflect.FileDescriptor{
		mvccpb.File_eetcd_mvccpb_kv_proto,
		authpb.File_eetcd_authpb_auth_proto,
		pb.File_eetcd_etcdserverpb_rpc_proto,
		v3lockpb.File_eetcd_v3lockpb_v3lock_proto,
		v3electionpb.File_eetcd_v3electionpb_v3election_proto,
	}
	etcdFiles = []protoreflect.FileDescriptor{
		etcdmvccpb.File_kv_proto,
		etcdauthpb.File_auth_proto,
		etcdpb.File_rpc_proto,
		etcdlockpb.File_v3lock_proto,
		etcdelectionpb.File_v3election_proto,
	}
)

func TestContractEqualsEtcds(t *testing.T) {
	ours, theirs := contractOf(prefix, ourFiles...), contractOf("", etcdFiles...)
	for _, difference := range differences(ours, theirs) {
		t.Error(difference)
	}
	// A reader that finds nothing would find no difference either.
	for _, name := range []string{
		"etcdserverpb.KV.RangeStream", "etcdserverpb.RangeRequest.SortOrder.DESCEND", "etcdserverpb.Compare.target_union",
		"etcdserverpb.WatchResponse.events", "mvccpb.Event.EventType.DELETE", "authpb.Permission.Type.READWRITE",
		"v3lockpb.Lock.Unlock", "v3electionpb.LeaderKey.rev",
	} {
		if theirs[name] == "" {
			t.Errorf("%s was not compared", name)
		}
	}
}

func TestProtoFilesHoldOnlyTheContract(t *testing.T) {
	ours := contractOf(prefix, ourFiles...)
	var check func(messages protoreflect.MessageDescriptors, enums protoreflect.EnumDescriptors)
	check = func(messages protoreflect.MessageDescriptors, enums protoreflect.EnumDescriptors) {
		for i := range enums.Len() {
			if name := (reader{prefix: prefix}).name(enums.Get(i)); ours[name] == "" {
				t.Errorf("no service leads to enum %s", name)
			}
		}
		for i := range messages.Len() {
			m := messages.Get(i)
			if name := (reader{prefix: prefix}).name(m); ours[name] == "" {
				t.Errorf("no service leads to message %s", name)
			}
			check(m.Messages(), m.Enums())
		}
	}
	for _, file := range ourFiles {
		check(file.Messages(), file.Enums())
		if n := file.Extensions().Len(); n != 0 {
			t.Errorf("%s has %d extensions", file.Path(), n)
		}
	}
}

func TestBothContractsFitInOneProgram(t *testing.T) {
	for i, ours := range ourFiles {
		theirs := etcdFiles[i]
		for _, file := range []protoreflect.FileDescriptor{ours, theirs} {
			if got, err := protoregistry.GlobalFiles.FindFileByPath(file.Path()); err != nil || got != file {
				t.Errorf("file %s: registered as %v, error %v", file.Path(), got, err)
			}
		}
		for j := range ours.Messages().Len() {
			our := ours.Messages().Get(j)
			their := theirs.Messages().ByName(our.Name())
			if their == nil {
				t.Errorf("etcd has no message %s", our.Name())
				continue
			}
			for _, m := range []protoreflect.MessageDescriptor{our, their} {
				if got, err := protoregistry.GlobalTypes.FindMessageByName(m.FullName()); err != nil || got.Descriptor() != m {
					t.Errorf("message %s: registered as %v, error %v", m.FullName(), got, err)
				}
			}
		}
	}
}

func TestBothSetsOfMessagesReadEachOther(t *testing.T) {
	ours := &pb.TxnRequest{
		Compare: []*pb.Compare{{
			Result: pb.Compare_NOT_EQUAL, Target: pb.Compare_LEASE, Key: []byte("k"), RangeEnd: []byte("l"),
			TargetUnion: &pb.Compare_Lease{Lease: -1},
		}},
		Success: []*pb.RequestOp{{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: []byte("k"), Value: []byte("v"), PrevKv: true}}}},
		Failure: []*pb.RequestOp{{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: []byte("k"), SortTarget: pb.RangeRequest_MOD}}}},
	}
	wire, err := proto.Marshal(ours)
	if err != nil {
		t.Fatal(err)
	}
	theirs := new(etcdpb.TxnRequest)
	if err := proto.Unmarshal(wire, theirs); err != nil {
		t.Fatal(err)
	}
	if unknown := theirs.ProtoReflect().GetUnknown(); len(unknown) != 0 {
		t.Errorf("etcd does not know %x", unknown)
	}
	if got := theirs.GetCompare()[0]; got.GetLease() != -1 || got.GetResult() != etcdpb.Compare_NOT_EQUAL || string(got.GetRangeEnd()) != "l" {
		t.Errorf("etcd reads the guard as %v", got)
	}
	if wire, err = proto.Marshal(theirs); err != nil {
		t.Fatal(err)
	}
	back := new(pb.TxnRequest)
	if err := proto.Unmarshal(wire, back); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(back, ours) {
		t.Errorf("sent %v, got back %v", ours, back)
	}
}
