// SPDX-License-Identifier: Apache-2.0

package tell

import "strings"

// hidden replaces what a text may not show.
const hidden = "***"

// Endpoint returns the text of an endpoint as a user gave it, without what may be a secret: a user and password
// before an @, and all that follows a ? or #. It returns the path of a unix socket as it is. A long text is cut as by
// [Short].
func Endpoint(text string) string { return Short(withoutSecrets(text)) }

func withoutSecrets(text string) string {
	if isSocket(text) {
		return text
	}
	scheme, rest, has := strings.Cut(text, "://")
	if !has || strings.ContainsFunc(scheme, noLetter) { // a secret holds the ://
		scheme, rest = "", text
	} else {
		scheme += "://"
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = hidden + rest[i:]
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i+1] + hidden
	}
	return scheme + rest
}

func noLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// Secretive reports whether [Endpoint] hides a part of the text.
func Secretive(text string) bool { return !isSocket(text) && strings.ContainsAny(text, "@?#") }

func isSocket(text string) bool {
	scheme, rest, has := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	return has && (scheme == "unix" || scheme == "unixs") && strings.HasPrefix(rest, "/")
}
