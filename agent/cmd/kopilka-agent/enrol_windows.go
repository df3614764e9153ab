package main

import "github.com/kopilka/kopilka/installer"

// handOver lets the person at the screen read what the notice helper needs; all else inherits the folder's rights.
func handOver(config, _ string) error {
	program, err := programPath() // what lies beside it is not given away
	if err != nil {
		return err
	}
	return shareWithSession(serviceOptions{service: installer.Service{Program: program}, config: config})
}

// guardConfig is for a config that was replaced: the new file has the folder's rights, by which the service could write it.
func guardConfig(path string) error { return installer.Service{}.Share(path) }
