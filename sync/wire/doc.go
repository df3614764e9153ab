// Package wire is what a till and head office say to each other: the messages, their limits, and the
// signatures by which each knows the other. It moves no bytes itself.
//
// The talk runs over one websocket, a message a binary frame: one byte of [Type], then deterministic
// CBOR. Head office begins:
//
//	head office              till
//	Challenge            →
//	                     ←   Hello      who I am, where my journal ends; signed over the challenge
//	Welcome              →              where head office's copy of it ends; signed over the till's nonce
//	                     ←   Batch …    records after that, in order, compressed, signed
//	Ack                  →              cumulative, after the durable commit
//	Down …               →              state, in versions
//	                     ←   DownAck
//	                     ←   Ask        a customer's lease, please
//	                     ←   Status     how this till is
//	Bye                  →              go away, and why, and when to come back
//
// What will bite: a Batch is refused unless its first record follows the last one acknowledged; an Ack
// promises that the records are on disk; and everything that is not understood is a [Bye], never a guess.
package wire
