// SPDX-License-Identifier: Apache-2.0

package compare_test

import (
	"fmt"

	"github.com/eetcd-go/eetcd/compare"
)

func Example() {
	fmt.Println(compare.New("config").ModRevision(compare.Equal, 7))
	fmt.Println(compare.New("config").Value("==", "v1"))
	fmt.Println(compare.New("jobs/").WithPrefix().Version(compare.Less, 3))
	fmt.Println(compare.Missing("jobs/stop"))
	// Output:
	// mod_revision("config") = 7
	// value("config") == (2 bytes)
	// version(["jobs/", "jobs0")) < 3
	// create_revision("jobs/stop") = 0
}
