// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.yaml.in/yaml/v2"

	"github.com/eetcd-go/eetcd/config"
)

func TestSpecReadsAndWritesTheFilesOfClientv3(t *testing.T) {
	theirs := clientv3.ConfigSpec{
		Endpoints: []string{"a:1"}, RequestTimeout: 1 * time.Second, DialTimeout: 2 * time.Second, KeepAliveTime: 3 * time.Second,
		KeepAliveTimeout: 4 * time.Second, MaxCallSendMsgSize: 5, MaxCallRecvMsgSize: 6,
		Secure: &clientv3.SecureConfig{Cert: "c", Key: "k", Cacert: "ca", ServerName: "s", InsecureTransport: true, InsecureSkipVerify: true},
		Auth:   &clientv3.AuthConfig{Username: "u", Password: "p", Token: "t"},
	}
	file, err := json.Marshal(theirs)
	if err != nil {
		t.Fatal(err)
	}
	var ours config.Spec
	if err := json.Unmarshal(file, &ours); err != nil {
		t.Fatal(err)
	}
	if ours.MaxCallRecvMsgSize != 6 || ours.Auth.Token != "t" || ours.KeepAliveTimeout != 4*time.Second {
		t.Errorf("got %v", ours)
	}
	again, err := json.Marshal(ours)
	if err != nil || string(again) != string(file) {
		t.Errorf("the same configuration is\n%s\nof clientv3, and\n%s\n%v", file, again, err)
	}

	text := `{endpoints: ["a:1"], request-timeout: 1s, dial-timeout: 2s, keepalive-time: 3s, keepalive-timeout: 4s, max-request-bytes: 5,
max-recv-bytes: 6, secure: {cert: c, key: k, cacert: ca, server-name: s, insecure-transport: true, insecure-skip-tls-verify: true},
auth: {username: u, password: p, token: t}}`
	var fromYAML config.Spec
	if err := yaml.UnmarshalStrict([]byte(text), &fromYAML); err != nil || !reflect.DeepEqual(fromYAML, ours) {
		t.Errorf("as YAML it is %v, want %v: %v", fromYAML, ours, err)
	}
}
