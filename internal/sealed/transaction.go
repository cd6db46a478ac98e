// SPDX-License-Identifier: Apache-2.0

package sealed

// Transaction is what op.Transaction is made of.
type Transaction struct{ txn Txn }

// Open returns the content of t.
func (t *Transaction) Open() *Txn { return &t.txn }

// Txn is the content of a [Transaction].
type Txn struct {
	Guards []Compare
	Then   []Op
	Else   []Op
}

// Op is what op.Op is made of.
type Op struct{ operation Operation }

// Open returns the content of o.
func (o *Op) Open() *Operation { return &o.operation }

// Operation is the content of an [Op].
type Operation struct {
	Kind    Kind
	Request Ctx
	Nested  *Transaction // of a nested transaction; never changed once it is set
}

// Kind says what an operation does.
type Kind uint8

// The kinds of operations.
const (
	None Kind = iota
	Put
	Get
	Delete
	Nested
)

// Compare is what compare.Compare is made of.
type Compare struct{ guard Guard }

// Open returns the content of c.
func (c *Compare) Open() *Guard { return &c.guard }

// Guard is the content of a [Compare].
type Guard struct {
	Target   Target
	Operator string
	Property Property
	Number   int64  // the operand, unless the property is the value
	Value    string // the operand if the property is the value
}

// Property is what a guard compares of a key.
type Property uint8

// The properties.
const (
	Version Property = iota
	CreateRevision
	ModRevision
	Value
	Lease
)

// Target is what compare.Target is made of.
type Target struct{ span Span }

// Open returns the content of t.
func (t *Target) Open() *Span { return &t.span }

// Span is the content of a [Target]: a key, or a range of keys.
type Span struct {
	Key string
	End string
	// Open marks extents for which an empty key means the smallest key. Otherwise the server refuses an empty key.
	Open bool
}

// Interval returns key and range end as they go to the server.
func (s Span) Interval() (key, end string) {
	if s.Key == "" && s.Open {
		return AllKeys, s.End
	}
	return s.Key, s.End
}
