// SPDX-License-Identifier: Apache-2.0

package etcderr

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// serverError is one row of the table of etcd's error answers.
type serverError struct {
	code    codes.Code
	message string
	outcome Outcome
	// gate marks rejections that etcd makes before a request is proposed to the cluster, and that may pass. The same
	// request may be sent again, to another member or with a new token.
	gate bool
}

func (e *serverError) Error() string { return e.message }

// GRPCStatus makes status.Code and status.Convert see a sentinel as the server sent it.
func (e *serverError) GRPCStatus() *status.Status { return status.New(e.code, e.message) }

// byMessage finds a row by its text. The code cannot identify it: some etcd versions send the right text with the wrong
// code (3.7 answers "too many requests" with code Unknown).
var byMessage = map[string]*serverError{}

func rejected(code codes.Code, message string) error {
	return enter(&serverError{code: code, message: message, outcome: Rejected})
}

func atGate(code codes.Code, message string) error {
	return enter(&serverError{code: code, message: message, outcome: Rejected, gate: true})
}

func unknown(code codes.Code, message string) error {
	return enter(&serverError{code: code, message: message, outcome: Unknown})
}

func enter(e *serverError) error {
	byMessage[e.message] = e
	return e
}

// raw holds texts of servers before 3.6, which pass some answers of their auth store on unchanged, with the code
// Unknown.
var raw = map[string]error{
	"auth: invalid auth token":            ErrInvalidAuthToken,
	"auth: permission denied":             ErrPermissionDenied,
	"auth: revision in header is old":     ErrAuthOldRevision,
	"auth: user name is empty":            ErrUserEmpty,
	"auth: authentication is not enabled": ErrAuthNotEnabled,
}

// rowOf returns the row of a server's text, or nil.
func rowOf(message string) *serverError {
	if row := byMessage[message]; row != nil {
		return row
	}
	row, _ := raw[message].(*serverError)
	return row
}

// FromMessage returns the sentinel of the server error with that text, and whether there is one. Use it for texts
// outside of an error, such as the cancel reason of a watch. It is safe for concurrent use.
func FromMessage(message string) (error, bool) {
	if e := rowOf(message); e != nil {
		return e, true
	}
	return nil, false
}

// Answers about keys, values and revisions.
var (
	// ErrEmptyKey: the request names no key.
	ErrEmptyKey = rejected(codes.InvalidArgument, "etcdserver: key is not provided")
	// ErrKeyNotFound: a put with WithIgnoreValue or WithIgnoreLease found no key whose value or lease it could keep.
	ErrKeyNotFound = rejected(codes.InvalidArgument, "etcdserver: key not found")
	// ErrValueProvided: a put has both a value and WithIgnoreValue.
	ErrValueProvided = rejected(codes.InvalidArgument, "etcdserver: value is provided")
	// ErrLeaseProvided: a put has both a lease and WithIgnoreLease.
	ErrLeaseProvided = rejected(codes.InvalidArgument, "etcdserver: lease is provided")
	// ErrTooManyOps: a transaction has more operations than the server allows (--max-txn-ops, 128 by default).
	ErrTooManyOps = rejected(codes.InvalidArgument, "etcdserver: too many operations in txn request")
	// ErrDuplicateKey: a transaction writes one key twice.
	ErrDuplicateKey = rejected(codes.InvalidArgument, "etcdserver: duplicate key given in txn request")
	// ErrInvalidSortOption: the server does not know the sort order or target.
	ErrInvalidSortOption = rejected(codes.InvalidArgument, "etcdserver: invalid sort option")
	// ErrCompacted: the revision asked for has been compacted away.
	ErrCompacted = rejected(codes.OutOfRange, "etcdserver: mvcc: required revision has been compacted")
	// ErrFutureRev: the revision asked for has not been written yet.
	ErrFutureRev = rejected(codes.OutOfRange, "etcdserver: mvcc: required revision is a future revision")
	// ErrNoSpace: the database has reached its quota; a NOSPACE alarm is on.
	ErrNoSpace = rejected(codes.ResourceExhausted, "etcdserver: mvcc: database space exceeded")
	// ErrRequestTooLarge: the request is over the server's limit (--max-request-bytes, 1.5 MiB by default).
	ErrRequestTooLarge = rejected(codes.InvalidArgument, "etcdserver: request is too large")
	// ErrTooManyRequests: the member has too many proposals that are not applied yet.
	ErrTooManyRequests = atGate(codes.ResourceExhausted, "etcdserver: too many requests")
	// ErrInvalidClientAPIVersion: the client's version metadata is not valid UTF-8.
	ErrInvalidClientAPIVersion = rejected(codes.InvalidArgument, "etcdserver: invalid client api version")
)

// Answers about leases and watches.
var (
	// ErrLeaseNotFound: the lease never existed, was revoked, or has expired.
	ErrLeaseNotFound = rejected(codes.NotFound, "etcdserver: requested lease not found")
	// ErrLeaseExist: a lease with the chosen ID exists.
	ErrLeaseExist = rejected(codes.FailedPrecondition, "etcdserver: lease already exists")
	// ErrLeaseTTLTooLarge: the TTL is over the server's maximum of 9 000 000 000 s.
	ErrLeaseTTLTooLarge = rejected(codes.OutOfRange, "etcdserver: too large lease TTL")
	// ErrWatchCanceled: the server ended the watch.
	ErrWatchCanceled = rejected(codes.Canceled, "etcdserver: watch canceled")
)

// Answers about members and the cluster.
var (
	// ErrMemberExist: a member with that ID exists.
	ErrMemberExist = rejected(codes.FailedPrecondition, "etcdserver: member ID already exist")
	// ErrPeerURLExist: a member with one of these peer URLs exists.
	ErrPeerURLExist = rejected(codes.FailedPrecondition, "etcdserver: Peer URLs already exists")
	// ErrMemberNotEnoughStarted: the change would leave fewer started members than a quorum needs.
	ErrMemberNotEnoughStarted = rejected(codes.FailedPrecondition,
		"etcdserver: re-configuration failed due to not enough started members")
	// ErrMemberBadURLs: a peer URL does not parse.
	ErrMemberBadURLs = rejected(codes.InvalidArgument, "etcdserver: given member URLs are invalid")
	// ErrMemberNotFound: no member has that ID.
	ErrMemberNotFound = rejected(codes.NotFound, "etcdserver: member not found")
	// ErrMemberNotLearner: the member to promote votes already.
	ErrMemberNotLearner = rejected(codes.FailedPrecondition, "etcdserver: can only promote a learner member")
	// ErrMemberLearnerNotReady: the learner has not caught up with the leader.
	ErrMemberLearnerNotReady = rejected(codes.FailedPrecondition,
		"etcdserver: can only promote a learner member which is in sync with leader")
	// ErrTooManyLearners: the cluster has its maximum of learners.
	ErrTooManyLearners = rejected(codes.FailedPrecondition, "etcdserver: too many learner members in cluster")
	// ErrClusterIDMismatch: the request belongs to another cluster.
	ErrClusterIDMismatch = rejected(codes.FailedPrecondition, "etcdserver: cluster ID mismatch")
	// ErrNotSupportedForLearner: the member asked is a learner, which serves only serializable reads and its status.
	ErrNotSupportedForLearner = atGate(codes.FailedPrecondition, "etcdserver: rpc not supported for learner")
	// ErrBadLeaderTransferee: the member to become leader cannot.
	ErrBadLeaderTransferee = rejected(codes.FailedPrecondition, "etcdserver: bad leader transferee")
)

// Answers about authentication and permissions.
var (
	// ErrRootUserNotExist: auth cannot be enabled before there is a user root.
	ErrRootUserNotExist = rejected(codes.FailedPrecondition, "etcdserver: root user does not exist")
	// ErrRootRoleNotExist: auth cannot be enabled before the user root has the role root.
	ErrRootRoleNotExist = rejected(codes.FailedPrecondition, "etcdserver: root user does not have root role")
	// ErrUserAlreadyExist: there is a user of that name.
	ErrUserAlreadyExist = rejected(codes.FailedPrecondition, "etcdserver: user name already exists")
	// ErrUserEmpty: auth is on and the request carries no user; or a user name is empty.
	ErrUserEmpty = rejected(codes.InvalidArgument, "etcdserver: user name is empty")
	// ErrUserNotFound: there is no user of that name.
	ErrUserNotFound = rejected(codes.FailedPrecondition, "etcdserver: user name not found")
	// ErrRoleAlreadyExist: there is a role of that name.
	ErrRoleAlreadyExist = rejected(codes.FailedPrecondition, "etcdserver: role name already exists")
	// ErrRoleNotFound: there is no role of that name.
	ErrRoleNotFound = rejected(codes.FailedPrecondition, "etcdserver: role name not found")
	// ErrRoleEmpty: a role name is empty.
	ErrRoleEmpty = rejected(codes.InvalidArgument, "etcdserver: role name is empty")
	// ErrAuthFailed: the user or the password is wrong.
	ErrAuthFailed = rejected(codes.InvalidArgument, "etcdserver: authentication failed, invalid user ID or password")
	// ErrPermissionNotGiven: a grant names no permission.
	ErrPermissionNotGiven = rejected(codes.InvalidArgument, "etcdserver: permission not given")
	// ErrPermissionDenied: the user's roles do not allow the request.
	ErrPermissionDenied = rejected(codes.PermissionDenied, "etcdserver: permission denied")
	// ErrRoleNotGranted: the user does not have the role to revoke.
	ErrRoleNotGranted = rejected(codes.FailedPrecondition, "etcdserver: role is not granted to the user")
	// ErrPermissionNotGranted: the role does not have the permission to revoke.
	ErrPermissionNotGranted = rejected(codes.FailedPrecondition, "etcdserver: permission is not granted to the role")
	// ErrAuthNotEnabled: the request makes sense only while auth is on.
	ErrAuthNotEnabled = rejected(codes.FailedPrecondition, "etcdserver: authentication is not enabled")
	// ErrInvalidAuthToken: the token has expired, or the member that issued it has restarted.
	ErrInvalidAuthToken = atGate(codes.Unauthenticated, "etcdserver: invalid auth token")
	// ErrInvalidAuthMgmt: the change would break the authentication in force, such as deleting root.
	ErrInvalidAuthMgmt = rejected(codes.InvalidArgument, "etcdserver: invalid auth management")
	// ErrAuthOldRevision: users or roles changed between the check of the request and its use.
	ErrAuthOldRevision = atGate(codes.InvalidArgument, "etcdserver: revision of auth store is old")
)

// Answers about the state of a member.
var (
	// ErrNoLeader: the member knows no leader and the request asked for one.
	ErrNoLeader = atGate(codes.Unavailable, "etcdserver: no leader")
	// ErrNotLeader: the request must go to the leader.
	ErrNotLeader = rejected(codes.FailedPrecondition, "etcdserver: not leader")
	// ErrLeaderChanged: the leader changed while the request was under way; it may have been applied.
	ErrLeaderChanged = unknown(codes.Unavailable, "etcdserver: leader changed")
	// ErrNotCapable: the member has just started and does not serve this API yet.
	ErrNotCapable = atGate(codes.FailedPrecondition, "etcdserver: not capable")
	// ErrStopped: the member stopped while the request was under way; it may have been applied.
	ErrStopped = unknown(codes.Unavailable, "etcdserver: server stopped")
	// ErrTimeout: the cluster did not answer in time. The request may have been applied, or may be applied later.
	ErrTimeout = unknown(codes.Unavailable, "etcdserver: request timed out")
	// ErrTimeoutDueToLeaderFail: like ErrTimeout, while the leader had failed.
	ErrTimeoutDueToLeaderFail = unknown(codes.Unavailable, "etcdserver: request timed out, possibly due to previous leader failure")
	// ErrTimeoutDueToConnectionLost: like ErrTimeout, while a connection between members was lost.
	ErrTimeoutDueToConnectionLost = unknown(codes.Unavailable, "etcdserver: request timed out, possibly due to connection lost")
	// ErrTimeoutWaitAppliedIndex: the member is too far behind to serve a linearizable read.
	ErrTimeoutWaitAppliedIndex = unknown(codes.Unavailable,
		"etcdserver: request timed out, waiting for the applied index took too long")
	// ErrUnhealthy: the cluster refuses a change of its members while they are not well connected.
	ErrUnhealthy = rejected(codes.Unavailable, "etcdserver: unhealthy cluster")
	// ErrCorrupt: a CORRUPT alarm is on; the member serves nothing that could spread the damage.
	ErrCorrupt = rejected(codes.DataLoss, "etcdserver: corrupt cluster")
	// ErrCanceled: the server saw the call cancelled; it may have been applied.
	ErrCanceled = unknown(codes.Canceled, "etcdserver: request canceled")
	// ErrDeadlineExceeded: the server saw the call's deadline pass; it may have been applied.
	ErrDeadlineExceeded = unknown(codes.DeadlineExceeded, "etcdserver: context deadline exceeded")
)

// Answers about downgrades.
var (
	// ErrWrongDowngradeVersionFormat: the target is not of the form "3.6" or "3.6.0".
	ErrWrongDowngradeVersionFormat = rejected(codes.InvalidArgument, "etcdserver: wrong downgrade target version format")
	// ErrInvalidDowngradeTargetVersion: the target is not one minor version below the cluster's.
	ErrInvalidDowngradeTargetVersion = rejected(codes.InvalidArgument, "etcdserver: invalid downgrade target version")
	// ErrClusterVersionUnavailable: the cluster has not agreed on its version yet.
	ErrClusterVersionUnavailable = rejected(codes.FailedPrecondition, "etcdserver: cluster version not found during downgrade")
	// ErrDowngradeInProcess: a downgrade is under way already.
	ErrDowngradeInProcess = rejected(codes.FailedPrecondition, "etcdserver: cluster has a downgrade job in progress")
	// ErrNoInflightDowngrade: there is no downgrade to cancel.
	ErrNoInflightDowngrade = rejected(codes.FailedPrecondition, "etcdserver: no inflight downgrade job")
)

// Answers of the election service, which sends them under code Unknown.
var (
	// ErrElectionNoLeader: nobody leads the election.
	ErrElectionNoLeader = rejected(codes.Unknown, "election: no leader")
	// ErrElectionNotLeader: the leadership of the proclamation has been lost.
	ErrElectionNotLeader = rejected(codes.Unknown, "election: not leader")
	// ErrMissingLeaderKey: a proclaim or resign names no leadership.
	ErrMissingLeaderKey = rejected(codes.Unknown, `"leader" field must be provided`)
)
