// Package sale is the vocabulary of the shop: what is sold, for how much, to whom, and how it is
// written down. Every other room speaks in these words, and this package imports none of them.
//
// What will bite: money, points and quantities are integers with different scales (kopecks,
// hundredths of a point, thousandths of a unit) and are named types so that they cannot be mixed up.
// A [Record] is hashed as bytes: once encoded, the bytes are the record, and nothing may re-encode it.
package sale
