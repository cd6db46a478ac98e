// SPDX-License-Identifier: Apache-2.0

package debug_test

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/eetcd-go/eetcd/conn/debug"
)

// A person opens the page in a browser, and a program reads the JSON.
func ExampleHandler() {
	internal := http.NewServeMux() // of a port that only operators reach
	internal.Handle("/debug/etcd", debug.Handler())
	server := httptest.NewServer(internal)
	defer server.Close()

	answer, err := http.Get(server.URL + "/debug/etcd?format=json")
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	var now struct {
		Connections []struct {
			Name      string
			Endpoints []struct{ State string }
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&now); err != nil {
		log.Fatal(err)
	}
	for _, c := range now.Connections {
		fmt.Println(c.Name, c.Endpoints[0].State)
	}
	// Output: registry Active
}
