package desk

import "golang.org/x/sys/windows"

// portTaken is the system's word for a port that another program has.
const portTaken = windows.WSAEADDRINUSE
