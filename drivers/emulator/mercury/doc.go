// Package mercury is a register Mercury (Incotex) and the service INECRMAN before it, in software: the JSON
// commands of the service over HTTP or behind a length, sessions that die with the service, a receipt in the
// register's buffer, a virtual fiscal storage, paper, power, and faults on request.
//
// What will bite: Serve may be called for many connections at once, as the service takes them; commands are
// carried out one by one under one lock that is never held while bytes move. The power of [Register.SetPower]
// is that of both: the service's computer and the register. Numbers of errors are made up but for one.
// Certain and guessed: drivers/mercury/DESIGN.md.
package mercury
