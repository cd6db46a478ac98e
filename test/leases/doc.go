// SPDX-License-Identifier: Apache-2.0

// Package leases measures what ten thousand leases cost the SDK while a member is killed, and with -v what they cost
// clientv3.
package leases
