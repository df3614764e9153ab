package main

import "github.com/kopilka/kopilka/installer"

// handOver lets the person at the screen read what the notice helper needs; all else inherits the folder's rights.
func handOver(config, _ string) error {
	return shareWithSession(serviceOptions{service: installer.Service{}, config: config})
}
