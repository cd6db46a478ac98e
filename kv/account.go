// SPDX-License-Identifier: Apache-2.0

package kv

// account says what became of a sequence of pairs after a failure. Batches are sent in order, several are under way at a time, and
// nothing is sent after a failure. So two places in the sequence say it all: where the first pair is that is not known to be
// written, and where the last one is that may be written. An example with four batches of 100 pairs, and 10 more pairs that
// were taken and not sent:
//
//	pairs      0–99     100–199  200–299  300–399  400–409
//	batch      written  unknown  written  refused  not sent
//	the error  Written  Unknown  Unknown  NotWritten, NotWritten
//
// That is Written 100, Unknown 200 and NotWritten 110. The third batch counts as Unknown, since what is written has a gap before it.
type account struct {
	taken   int   // pairs taken from the sequence
	failed  int   // place of the first pair that is not known to be written
	reached int   // place after the last pair that is written, or may be
	err     error // of the pair at failed; nil while nothing has failed
}

// note notes what became of a batch.
func (a *account) note(b *batch) {
	if b.written+b.maybe > 0 {
		a.reached = max(a.reached, b.at+b.written+b.maybe)
	}
	if b.err != nil {
		a.fail(b.at+b.written, b.err)
	}
}

// fail notes why the pair at a place is not known to be written. The first place counts.
func (a *account) fail(at int, err error) {
	if a.err == nil || at < a.failed {
		a.failed, a.err = at, err
	}
}

// close returns the failure, if there was one: of a batch, or else that of the last pair, which could not be sent.
func (a *account) close(last error) error {
	if last != nil {
		a.fail(a.taken-1, last)
	}
	if a.err == nil {
		return nil
	}
	unknown := max(0, a.reached-a.failed)
	return &PartialError{Written: a.failed, Unknown: unknown, NotWritten: a.taken - a.failed - unknown, Err: a.err}
}
