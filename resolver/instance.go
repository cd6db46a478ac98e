// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"

	"github.com/eetcd-go/eetcd/internal/render"
)

// Instance is a server of a service. As JSON it is what etcd's package naming/endpoints writes:
//
//	{"Op":0,"Addr":"10.0.0.7:50051","Metadata":{"weight":3,"zone":"a"}}
//
// So table.JSON and typed.JSON read and write registrations too.
type Instance struct {
	// Addr is the address that gRPC dials, such as "10.0.0.7:50051". It must not be empty.
	Addr string
	// Metadata is any value that encoding/json can encode. Reading gives the types of encoding/json for an any: float64 for numbers,
	// map[string]any for objects. If it is an object, Weight and Zone are its entries weight and zone, and Metadata has the other
	// entries. An entry of another type than Weight or Zone stays in Metadata. The default is nil.
	Metadata any
	// Weight is the share of the load relative to other instances. 0 says nothing, and then a balancer should assume 1. It is
	// written as the entry weight of Metadata, which must be an object or nil then.
	Weight uint32
	// Zone is where the instance runs; "" says nothing. It is written as the entry zone of Metadata, like Weight.
	Zone string
}

const (
	weightEntry = "weight"
	zoneEntry   = "zone"
)

// registration has the fields of the JSON in the order of etcd's package.
type registration struct {
	Op       int // 0 in every registration
	Addr     string
	Metadata any
}

// MarshalJSON writes an instance as etcd's package naming/endpoints does. It returns [ctx.ErrInvalid], which is kv.ErrInvalid,
// for a Weight or a Zone beside Metadata that is no object.
func (i Instance) MarshalJSON() ([]byte, error) {
	r := registration{Addr: i.Addr, Metadata: i.Metadata}
	if i.Weight != 0 || i.Zone != "" {
		entries, err := entriesOf(i.Metadata)
		if err != nil {
			return nil, err
		}
		if i.Weight != 0 {
			entries[weightEntry] = i.Weight
		}
		if i.Zone != "" {
			entries[zoneEntry] = i.Zone
		}
		r.Metadata = entries
	}
	return json.Marshal(r)
}

// entriesOf returns the entries of metadata, in a map of its own.
func entriesOf(metadata any) (map[string]any, error) {
	encoded, err := json.Marshal(metadata)
	if err != nil {
		return nil, err
	}
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(encoded, &raw); err != nil {
		return nil, render.AlsoInvalid(nil, "resolver: an instance with Weight or Zone has Metadata that is no object")
	}
	entries := map[string]any{}
	for name, value := range raw {
		entries[name] = value
	}
	return entries, nil
}

// UnmarshalJSON reads what MarshalJSON and etcd's package naming/endpoints write.
func (i *Instance) UnmarshalJSON(encoded []byte) error {
	if bytes.Equal(bytes.TrimSpace(encoded), []byte("null")) {
		return nil // as encoding/json has it
	}
	var r registration
	if err := json.Unmarshal(encoded, &r); err != nil {
		return err
	}
	*i = Instance{Addr: r.Addr, Metadata: r.Metadata}
	entries, isObject := r.Metadata.(map[string]any)
	if !isObject {
		return nil
	}
	rest := maps.Clone(entries)
	if weight, ok := entries[weightEntry].(float64); ok && weight >= 1 && weight <= math.MaxUint32 && weight == math.Trunc(weight) {
		i.Weight = uint32(weight)
		delete(rest, weightEntry)
	}
	if zone, ok := entries[zoneEntry].(string); ok && zone != "" {
		i.Zone = zone
		delete(rest, zoneEntry)
	}
	i.Metadata = rest
	if len(rest) == 0 && len(entries) > 0 {
		i.Metadata = nil
	}
	return nil
}
