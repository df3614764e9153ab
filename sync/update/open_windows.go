package update

// openAtOnce has no meaning here: pipes do not lie in folders.
const openAtOnce = 0
