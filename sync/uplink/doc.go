// Package uplink carries a till's journal to head office and brings head office's state down, whenever
// there is a network. Nothing at the till ever waits for it.
//
// Up: the journal is its own outbox. Records go in order, in signed batches, several on the way at once;
// an acknowledgement means that head office has them on disk, and only then the ledger's cursor moves.
// Down: versioned changes, applied to disk and acknowledged; a till that knows nothing, or whose state is
// too old, first fetches the customers' snapshot over plain HTTP, chunk by chunk, and resumes where it
// was cut off.
//
// What will bite: the connection is made anew after every surprise, because one way in is easier to
// prove than many. The journal and head office's copy of it are compared at each welcome, by hash: if
// head office knows records that this journal does not hold, this ledger came out of an old image, and
// the till opens a new epoch before it sends anything. Everything that comes down is believed only if a
// key certified by the pinned root has signed it, or signed the welcome of the connection it came by.
package uplink
