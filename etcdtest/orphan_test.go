// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"fmt"
	"io"
	"os"
)

// orphanVariable makes the test binary start members for its parent to orphan. Its value is a directory for their data,
// which the parent removes.
const orphanVariable = "ETCDTEST_ORPHANS"

// startOrphans starts two members, one of them paused, prints their process IDs and waits to be killed.
func startOrphans() {
	os.Setenv("TMPDIR", os.Getenv(orphanVariable))
	c, err := Run(context.Background(), WithSize(2))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	c.Member(0).Pause()
	fmt.Println(c.Member(0).proc.os.Pid, c.Member(1).proc.os.Pid)
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}
