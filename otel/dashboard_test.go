// SPDX-License-Identifier: Apache-2.0

package otel_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

var (
	selectors = regexp.MustCompile(`((?:db|etcd)_client_[a-z_]+)(?:\{([^}]*)\})?`) // a metric, with what is between its braces
	matchers  = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
	groups    = regexp.MustCompile(`by \(([^)]*)\)`)
	legends   = regexp.MustCompile(`\{\{([a-z_]+)\}\}`)
)

// queries returns the queries of a dashboard, each with its legend.
func queries(t *testing.T) (all [][2]string) {
	t.Helper()
	raw, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Targets []struct{ Expr, LegendFormat string }
		}
		Templating struct {
			List []struct{ Query string }
		}
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, [2]string{target.Expr, target.LegendFormat})
		}
	}
	for _, v := range d.Templating.List {
		all = append(all, [2]string{v.Query, ""})
	}
	return all
}

// fitsDashboard checks that each metric and label of the dashboard is exported, and that each exported metric is on the dashboard.
func fitsDashboard(t *testing.T, r run) {
	exported := maps.Clone(r.open)
	maps.Copy(exported, r.families) // which has streams that have ended
	missing := map[string]bool{}
	for name := range exported {
		missing[name] = true
	}
	for _, q := range queries(t) {
		for _, found := range selectors.FindAllStringSubmatch(q[0], -1) {
			name, has := found[1], labelsOf(exported, found[1])
			if has == nil {
				t.Errorf("%s: nothing exports %s", q[0], name)
				continue
			}
			for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
				delete(missing, strings.TrimSuffix(name, suffix))
			}
			var used []string
			for _, m := range matchers.FindAllStringSubmatch(found[2], -1) {
				used = append(used, m[1])
			}
			for _, g := range groups.FindAllStringSubmatch(q[0], -1) {
				used = append(used, strings.Split(g[1], ", ")...)
			}
			for _, l := range legends.FindAllStringSubmatch(q[1], -1) {
				used = append(used, l[1])
			}
			for _, label := range used {
				if !has[label] {
					t.Errorf("%s: %s has no label %q", q[0], name, label)
				}
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("the dashboard lacks %v", missing)
	}
}

// labelsOf returns the labels of a metric, nil if there is no such metric. A histogram is three metrics.
func labelsOf(families map[string]*dto.MetricFamily, name string) map[string]bool {
	f, buckets := families[name], false
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if h := families[strings.TrimSuffix(name, suffix)]; f == nil && h.GetType() == dto.MetricType_HISTOGRAM {
			f, buckets = h, suffix == "_bucket"
		}
	}
	if f == nil || f.GetName() == name && f.GetType() == dto.MetricType_HISTOGRAM {
		return nil
	}
	labels := map[string]bool{"le": buckets}
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = true
		}
	}
	return labels
}
