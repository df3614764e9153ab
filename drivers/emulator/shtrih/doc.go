// Package shtrih is a fiscal register of SHTRIH-M in software, down to its bytes.
//
// What will bite: it keeps its promises as a device does. A document is in the fiscal storage before the
// answer leaves, so a lost answer is not a lost document; an answer that nobody acknowledged waits until the
// next ENQ; a document that ran out of paper is closed all the same and waits to be continued. DESIGN.md of the
// emulators says which of these facts come from the vendor's text and which are guesses.
//
// Time comes from [Options.Now] and ordinary timers only, so the whole works inside testing/synctest.
package shtrih
