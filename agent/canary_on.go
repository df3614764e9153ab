//go:build canary

package agent

// canary, with -tags canary, makes the till believe that a receipt whose answer was lost was not printed:
// the mistake of which double receipts are made. TestShop must fail with it, or it proves nothing.
const canary = true
