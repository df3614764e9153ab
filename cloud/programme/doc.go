// Package programme is what head office decides by itself: which till may spend a customer's points, how a
// debt is settled, points given by hand, and which rules are in force.
//
// What will bite: every decision is an event in head office's own journal with an ID that follows from its
// cause, so deciding twice changes nothing, on one node or on several; a decision is made on balances as
// they were read and refused by the store when they have moved on, and is then made again; and points on
// lease at a till that is silent are never given to another, however long it is silent, because a spend
// may exist that nobody has reported yet.
package programme
