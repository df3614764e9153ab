// Package agent is the daemon on a till: it turns scans into sales, sales into fiscal receipts, and
// shows the cashier one page about it.
//
// What will bite: one goroutine, the [Till], owns the sale, the ledger's writes and the register's
// turn; everything else talks to it through [Till.Do] and reads [View]s. Nothing in this package opens
// a network connection: mains inject what crosses a wire.
package agent
