// Package hub is the door of head office at which tills knock: it learns which till it is, takes its
// journal batch by batch, acknowledges what is on disk, and sends down what is new.
//
// The talk is the one that package wire describes. What will bite: an Ack leaves only after the commit;
// a slow store is felt by tills as a socket that is not read, never as a dropped record; one till has one
// session, and a newer connection ends the older; and the handler of the websocket returns at once, since
// a handler that stays pins eight kilobytes for every idle till (sync.md A3).
package hub
