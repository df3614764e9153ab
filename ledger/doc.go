// Package ledger is the money file of one till: what was sold, what points came and went, which
// customers and goods the till knows, and what head office has not yet heard.
//
// What will bite: a sale is written twice, before its receipt is printed ([Ledger.Begin]) and after
// ([Ledger.Finish]); between the two only the register knows whether it happened. A failed write to the
// disk closes the ledger for good ([ErrBroken]): what the file holds is then known only after opening
// it anew. Nothing is deleted in place, because a bbolt file with many free pages commits ten times
// slower (sync.md A2): old records leave by [Compact] into a new file.
//
// # The file
//
// ledger.db is bbolt; integers in keys are big-endian, values deterministic CBOR unless said otherwise.
//
//	meta       "till"      Identity
//	           "head"      sale.Position of the newest record
//	           "acked"     sale.Position that head office holds
//	           "counter"   u32, last operation number of this till; no epoch resets it
//	           "high"      sale.Time, high-water mark of trusted time
//	           "applied"   u64, version of head office's state
//	           "snapshot"  snapshotRef: name and version of the customers' snapshot
//	           "tally"     Tally of the shift so far
//	           "generation" u32, head office's, once all leases from before it are asked for
//	           "floor"     epoch u32 · seq u64, first record kept, once Compact has moved any out
//	           "program"   name and version of who opened the file last
//	           "set-aside" int, changes of head office that could not be read
//	           "looked"    []sale.CustomerNo, looked up in this shift without a purchase
//	journal    epoch u32 · seq u64              → sale.Entry, for ever (append only)
//	index      'i' · record ID                  → epoch u32 · seq u64
//	           'd' · FN · 0 · FD u32            → epoch · seq   fiscal documents
//	           'n' · number u64                 → epoch · seq   of a sale, a return or a customer enrolled here
//	           'r' · sale ID · epoch · seq      → (empty)      returns of a sale
//	           'p' · FN · 0 · FD · epoch · seq  → (empty)      returns of a fiscal document
//	begun      sale ID                          → Job, while its outcome is open (one at most)
//	leases     lease ID                         → leaseRow
//	held       account · purse u32 · lease ID   → (empty)      leases by account: kind u8 · number u64 · purse
//	recalled   lease ID                         → (empty)      asked back, not yet released
//	lots       lot ID                           → sale.Lot
//	own        customer u64 · epoch · seq       → ownRow       this till's own postings
//	customers  number u64                       → customerRow  changes since the snapshot
//	keys       kind u8 · 8 bytes                → version u64 · number u64 (0: gone)
//	products   SKU                              → productRow
//	barcodes   code                             → SKU
//	staff      number u32                       → staffRow
//	programmes version u32                      → bytes of a loyalty.Programme
//	settings   "settings"                       → settingsRow
//	           "standing"                       → standingRow
//	parked     ID                               → Parked
//	codes      first byte u8 · campaign u32     → codesRow     single-use codes that head office says are free
//	used       campaign u32 · 8 bytes           → epoch · seq  those that a record of this till took
//	aside      kind u8 · 16 bytes of a hash     → Aside        changes that could not be read
//
// The customers themselves are in an immutable file beside it, customers-<version>.snap (snapshot.go).
package ledger
