// SPDX-License-Identifier: Apache-2.0

package ctx

import "github.com/eetcd-go/eetcd/internal/sealed"

// WithStartRevision makes a watch begin with the events of revision rev, including rev. The default 0 is the first
// event after the creation of the watch. To continue after a get without a gap, use the revision of its response plus
// one.
func (c Ctx) WithStartRevision(rev int64) Ctx {
	r := c.open()
	r.Given |= sealed.OptStartRevision
	r.StartRev = rev
	return c
}

// WithWatchID sets the ID that the SDK's watch reports. The default 0 lets the SDK choose one.
func (c Ctx) WithWatchID(id int64) Ctx {
	r := c.open()
	r.Given |= sealed.OptWatchID
	r.WatchID = id
	return c
}

// WithFragment delivers the parts of a response that the server split because of its size. By default they are put
// together again.
func (c Ctx) WithFragment() Ctx {
	c.open().Given |= sealed.OptFragment
	return c
}

// WithProgressNotify makes the server report the progress of an idle watch by a response without events, every 10
// minutes in the default configuration of etcd.
func (c Ctx) WithProgressNotify() Ctx {
	c.open().Given |= sealed.OptProgressNotify
	return c
}

// WithFilterPut makes the server leave the puts out of a watch.
func (c Ctx) WithFilterPut() Ctx {
	c.open().Given |= sealed.OptFilterPut
	return c
}

// WithFilterDelete makes the server leave the deletes out of a watch.
func (c Ctx) WithFilterDelete() Ctx {
	c.open().Given |= sealed.OptFilterDelete
	return c
}
