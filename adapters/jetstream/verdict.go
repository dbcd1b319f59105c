package jetstream

import (
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// verdict is what an answer, or the lack of one, says about one copy of a write.
type verdict int

const (
	landed    verdict = iota // written and durable
	conflict                 // not written: an expectation does not hold
	contended                // not written: another write of its entity is under way
	notNow                   // not written: sending again may help
	unable                   // not written: the broker has no room, or is not set up
	never                    // not written: sending again is useless
	silent                   // nothing is known
)

// JetStream error codes of a publish that the client library does not name
// (nats-server, server/errors.json).
const (
	codeAccountResources jetstream.ErrorCode = 10002
	codeClusterNotAvail  jetstream.ErrorCode = 10008
	codeClusterNotLeader jetstream.ErrorCode = 10009
	codeInsufficient     jetstream.ErrorCode = 10023
	codeStorageExceeded  jetstream.ErrorCode = 10047
	codeStreamNotMatch   jetstream.ErrorCode = 10060
	codeHeaderTooLarge   jetstream.ErrorCode = 10097
	codeSealed           jetstream.ErrorCode = 10109
	codeStreamOffline    jetstream.ErrorCode = 10118
	codeExpectedNotReady jetstream.ErrorCode = 10163
	codeTooManyRequests  jetstream.ErrorCode = 10167
	codeBatchDisabled    jetstream.ErrorCode = 10174
	codeBatchMissingSeq  jetstream.ErrorCode = 10175
	codeBatchIncomplete  jetstream.ErrorCode = 10176
	codeBatchHeader      jetstream.ErrorCode = 10177
	codeBatchID          jetstream.ErrorCode = 10179
	codeBatchTooLarge    jetstream.ErrorCode = 10199
	codeBatchCommit      jetstream.ErrorCode = 10200
	codeBatchTooMany     jetstream.ErrorCode = 10210
)

// judge reads an error answer. The codes below are all given before anything of
// the message or batch reaches the stream's store. Every other one is silent,
// among them 10077, "store failed", which a replicated stream whose leader is
// closing gives for messages that the other replicas keep, and 10158 and 10201,
// which say that an earlier copy is there, or about to be.
func judge(e *jetstream.APIError) verdict {
	switch e.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence:
		return conflict
	case jetstream.JSErrCodeStreamWrongLastSequenceConstant, codeExpectedNotReady:
		return contended
	case codeClusterNotAvail, codeClusterNotLeader, codeStreamOffline, codeTooManyRequests,
		codeBatchIncomplete, codeBatchTooMany:
		return notNow
	case codeAccountResources, codeInsufficient, codeStorageExceeded,
		jetstream.JSErrCodeJetStreamNotEnabled, jetstream.JSErrCodeJetStreamNotEnabledForAccount:
		return unable
	case jetstream.JSErrCodeStreamMessageExceedsMaximum, codeHeaderTooLarge, codeStreamNotMatch, codeSealed,
		codeBatchDisabled, codeBatchMissingSeq, codeBatchHeader, codeBatchID, codeBatchTooLarge, codeBatchCommit:
		return never
	default:
		return silent
	}
}

// judgeSend reads the error of a request. Only those that are raised before the
// message reaches the connection, or by a server that knows nobody to hand it
// to, prove that it was not written. That the connection closed is not among
// them: it may have closed while the answer was awaited.
func judgeSend(err error) verdict {
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrReconnectBufExceeded):
		return notNow
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrBadSubject),
		errors.Is(err, nats.ErrHeadersNotSupported):
		return never
	}
	return silent
}

// judgeAck reads an answer without error. A duplicate is of an earlier copy: the
// ledger has to be read to know where that is.
func judgeAck(ack pubAck, events int) verdict {
	switch {
	case ack.Duplicate, ack.Stream != StreamName, ack.Sequence < uint64(events), events > 1 && ack.Count != events:
		return silent
	}
	return landed
}
