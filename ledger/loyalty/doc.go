// Package loyalty reckons what a basket costs a customer: the discount of their tier, the points that
// may pay, the points that are earned, and the reason behind every figure.
//
// It is pure: no clock, disk, network or randomness, and inputs are never changed, so a till without
// network and head office years later reckon the same figures from the same basket and programme.
//
// What will bite: figures are whole kopecks spread over lines by largest remainder ([Allocate]), so a
// line's discount is not its price times the percentage; and a line's sum need not be one price times
// its quantity, so a line is printed as its Parts, never as Net ÷ Qty ([Represent]). A [Programme]
// must be valid ([Programme.Validate], [Decode]) before it reckons anything.
package loyalty
