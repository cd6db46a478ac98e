// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// setenv sets etcdctl's variables to these, and no others.
func setenv(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, prefix) {
			t.Setenv(name, "")
		}
	}
	for name, value := range variables {
		t.Setenv(prefix+name, value)
	}
}

type vars = map[string]string

func TestFromEnvReadsTheVariablesOfEtcdctl(t *testing.T) {
	local := func(s Spec) Spec {
		s.Endpoints = []string{"127.0.0.1:2379"}
		if s.Secure == nil {
			s.Secure = &Secure{InsecureTransport: true}
		}
		return s
	}
	at := func(endpoints ...string) Spec { s := local(Spec{}); s.Endpoints = endpoints; return s }
	as := func(a Auth) Spec { return local(Spec{Auth: &a}) }
	for name, tt := range map[string]struct {
		vars
		want Spec
	}{
		"no variable":               {nil, local(Spec{})},
		"empty ones":                {vars{"ENDPOINTS": "", "USER": "", "CACERT": "", "INSECURE_TRANSPORT": "", "DIAL_TIMEOUT": "", "MAX_RECV_BYTES": ""}, local(Spec{})},
		"endpoints":                 {vars{"ENDPOINTS": "a:1, https://b:2 ,a:1"}, at("a:1", "https://b:2")},
		"endpoints in quotes":       {vars{"ENDPOINTS": `"a:1","b:2"`}, at("a:1", "b:2")},
		"user with password":        {vars{"USER": "root:a:b"}, as(Auth{Username: "root", Password: "a:b"})},
		"user and password":         {vars{"USER": "a:b", "PASSWORD": "c"}, as(Auth{Username: "a:b", Password: "c"})},
		"password alone":            {vars{"PASSWORD": "c"}, local(Spec{})},
		"token":                     {vars{"AUTH_JWT_TOKEN": "t", "USER": "a:b"}, as(Auth{Token: "t"})},
		"files":                     {vars{"CACERT": "ca", "CERT": "c", "KEY": "k"}, local(Spec{Secure: &Secure{InsecureTransport: true, Cacert: "ca", Cert: "c", Key: "k"}})},
		"TLS":                       {vars{"INSECURE_TRANSPORT": "F"}, local(Spec{Secure: &Secure{}})},
		"any certificate":           {vars{"INSECURE_SKIP_TLS_VERIFY": "1"}, local(Spec{Secure: &Secure{InsecureTransport: true, InsecureSkipVerify: true}})},
		"times":                     {vars{"DIAL_TIMEOUT": "1s", "COMMAND_TIMEOUT": "2s", "KEEPALIVE_TIME": "3s", "KEEPALIVE_TIMEOUT": "4s"}, local(Spec{DialTimeout: time.Second, RequestTimeout: 2 * time.Second, KeepAliveTime: 3 * time.Second, KeepAliveTimeout: 4 * time.Second})},
		"times of zero":             {vars{"DIAL_TIMEOUT": "0", "COMMAND_TIMEOUT": "0s", "KEEPALIVE_TIME": "0s"}, local(Spec{})},
		"sizes":                     {vars{"MAX_REQUEST_BYTES": "1024", "MAX_RECV_BYTES": "0x1000"}, local(Spec{MaxCallSendMsgSize: 1024, MaxCallRecvMsgSize: 4096})},
		"discovery off":             {vars{"INSECURE_DISCOVERY": "false", "DISCOVERY_SRV_NAME": "x"}, local(Spec{})},
		"variables of its output":   {vars{"WRITE_OUT": "json", "DEBUG": "x", "API": "3", "NO_SUCH": "y"}, local(Spec{})},
		"password of an empty user": {vars{"USER": "", "PASSWORD": "c"}, local(Spec{})},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, tt.vars)
			var e environment
			if got, _, _ := e.spec(); e.faults != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v: %q", got, tt.want, e.faults)
			}
			endpoints, _, err := FromEnv()
			if err != nil || !reflect.DeepEqual(endpoints, tt.want.Endpoints) {
				t.Errorf("got %q, want %q: %v", endpoints, tt.want.Endpoints, err)
			}
		})
	}
}

func TestFromEnvNamesEachVariableWithAFaultAndNoSecret(t *testing.T) {
	for name, tt := range map[string]struct {
		vars
		want string
	}{
		"a number without unit":     {vars{"DIAL_TIMEOUT": "5"}, "ETCDCTL_DIAL_TIMEOUT: want a duration such as 5s"},
		"a negative time":           {vars{"KEEPALIVE_TIMEOUT": "-5s"}, "ETCDCTL_KEEPALIVE_TIMEOUT: must be at least 1ms"},
		"a negative command time":   {vars{"COMMAND_TIMEOUT": "-1s"}, "ETCDCTL_COMMAND_TIMEOUT: must be at least 1ms"},
		"no boolean":                {vars{"INSECURE_TRANSPORT": "yes"}, "ETCDCTL_INSECURE_TRANSPORT: want true or false"},
		"a boolean with a space":    {vars{"INSECURE_DISCOVERY": "true "}, "ETCDCTL_INSECURE_DISCOVERY: want true or false"},
		"no number":                 {vars{"MAX_RECV_BYTES": "1MB"}, "ETCDCTL_MAX_RECV_BYTES: want a number of bytes"},
		"a negative number":         {vars{"MAX_REQUEST_BYTES": "-1"}, "ETCDCTL_MAX_REQUEST_BYTES: must not be negative"},
		"a smaller limit":           {vars{"MAX_REQUEST_BYTES": "2", "MAX_RECV_BYTES": "1"}, "ETCDCTL_MAX_REQUEST_BYTES: must not be larger than ETCDCTL_MAX_RECV_BYTES"},
		"a bare quote":              {vars{"ENDPOINTS": `a:1,b"hunter2`}, "ETCDCTL_ENDPOINTS: want values separated by commas"},
		"two lines":                 {vars{"ENDPOINTS": "a:1\nb:2"}, "ETCDCTL_ENDPOINTS: want"},
		"a user without a password": {vars{"USER": "hunter2"}, "ETCDCTL_PASSWORD: is missing"},
		"an empty password":         {vars{"USER": "hunter2:"}, "ETCDCTL_PASSWORD: is missing"},
		"an empty name":             {vars{"USER": ":hunter2"}, "ETCDCTL_USER: is missing"},
		"neither":                   {vars{"USER": ":"}, "ETCDCTL_USER: want name or name:password"},
		"a certificate alone":       {vars{"CERT": "/hunter2"}, "ETCDCTL_CERT: goes together with ETCDCTL_KEY"},
		"a key alone":               {vars{"KEY": "/hunter2"}, "ETCDCTL_CERT: goes together with ETCDCTL_KEY"},
		"several": {vars{"USER": "a", "PASSWORD": "", "DIAL_TIMEOUT": "hunter2", "INSECURE_SKIP_TLS_VERIFY": "hunter2"},
			"ETCDCTL_DIAL_TIMEOUT: want a duration such as 5s; ETCDCTL_INSECURE_SKIP_TLS_VERIFY: want true or false; ETCDCTL_PASSWORD: is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, tt.vars)
			endpoints, opts, err := FromEnv()
			if !errors.Is(err, ErrInvalid) || !strings.HasPrefix(err.Error(), "config: environment: "+tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\n\r") || strings.Contains(err.Error(), secret) {
				t.Errorf("the error has more than one line, or the secret: %v", err)
			}
			if endpoints != nil || opts != nil {
				t.Errorf("got %q and %d options beside the error", endpoints, len(opts))
			}
		})
	}
}

func TestDiscoveredEndpointsAreUsedAsFarAsTheyAreSecureEnough(t *testing.T) {
	both, plain, others := []string{"https://a:1", "http://b:1"}, []string{"http://b:1"}, []string{"c:1"}
	for _, tt := range []struct {
		found           []string
		plain, encrypts bool
		want            []string
	}{
		{both, true, false, both},
		{both, true, true, both[:1]},
		{both, false, true, both[:1]},
		{plain, true, false, plain},
		{plain, true, true, plain}, // which Open refuses
		{plain, false, true, others},
	} {
		if got := discovered(tt.found, tt.plain, tt.encrypts, others); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}
