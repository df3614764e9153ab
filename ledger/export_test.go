package ledger

// RecallSlice is how many leases a restored head office gets back in one transaction.
const RecallSlice = recallSlice

// StopSyncing makes commits skip their flushes: the canary of the power-cut test, which must catch it.
func (l *Ledger) StopSyncing() { l.db.NoSync = true }

// Awaited tells that somebody waits for the write under way to end.
func (l *Ledger) Awaited() bool {
	if !l.next.TryLock() {
		return true
	}
	l.next.Unlock()
	return false
}
