// Package emulator is the counter of a shop in software: scanners and the cable to the internet, and in the
// folders beside it registers and printers with their storage and paper, each of which can be made to fail.
//
// What will bite: nothing here keeps a clock of its own; time comes from the options' Now and ordinary
// timers only, so the whole works inside testing/synctest.
package emulator
