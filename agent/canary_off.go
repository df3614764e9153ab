//go:build !canary

package agent

// canary plants a bug that the simulation must find: see canary_on.go.
const canary = false
