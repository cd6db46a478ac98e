// SPDX-License-Identifier: Apache-2.0

package watch

// kind is how a server treats the IDs of watches. The first creation on a stream is sent alone, and its answer shows the
// kind:
//
//	kind     IDs of watches                                 creations       progress requests
//	unknown  the first creation is not answered yet         one at a time   not sent
//	member   accepts the IDs that it is given               any number      answered
//	chooser  chooses IDs itself, as etcd's proxy does       one at a time   not sent: none is answered, and 3.4 panics
//	refuser  refuses the IDs that it is given, as kine does one at a time   sent for a reader only
//
// Only a member answers creations in their order. With every other server one creation is under way, so an answer belongs to
// that one.
type kind uint8

const (
	unknown kind = iota
	member
	chooser
	refuser
)
