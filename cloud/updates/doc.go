// Package updates is head office's side of updates: a repository of till programs after The Update Framework,
// its keys, the roll-out plan, and what tills download.
//
// What will bite: two kinds of keys. Root and targets belong on a stick in a safe, and nothing here keeps them;
// snapshot, timestamp and rollout are head office's own and sign by themselves, or the repository would expire.
package updates
