// Package emulator is the counter of a shop in software: a fiscal register with its storage and
// paper, a scanner, and the cable to the internet, each of which can be made to fail on request.
//
// What will bite: the register speaks the SHTRIH-M protocol as bytes and keeps its promises as a
// device does. A document is in the fiscal storage before the answer leaves, so a lost answer is not
// a lost document; an answer that nobody acknowledged waits until the next ENQ; a document that ran
// out of paper is closed all the same and waits to be continued. DESIGN.md says which of these
// facts come from the vendor's text and which are guesses.
//
// Time comes from [Options.Now] and ordinary timers only, so the whole works inside testing/synctest.
package emulator
