package updates

// give has nothing to do: what is made in a folder has the folder's rights there.
func give(string, ...string) error { return nil }
