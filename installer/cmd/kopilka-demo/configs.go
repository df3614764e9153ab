package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// node is a part of a config file. Maps suffice: the programs' own readers refuse a key that they do not
// know, and the test holds these files to them.
type node map[string]any

// taxpayer is the INN of the registers, made up around a valid check digit.
const taxpayer = "7700000009"

func (d *demo) writeConfigs() error {
	var counters []node
	for _, t := range tills {
		if err := d.writeConfig(d.at(t.folder(), "config.yaml"), d.tillConfig(t)); err != nil {
			return err
		}
		counters = append(counters, d.counterConfig(t))
	}
	return d.writeConfig(d.at("emulator.yaml"), node{
		"listen": local(d.ports.Counters), "goods": d.at("goods.json"), "weight_prefix": weightPrefix, "counters": counters,
	})
}

func (d *demo) tillConfig(t till) node {
	scanner := url.URL{Scheme: "serial", Path: filepath.ToSlash(d.scanner(t)), RawQuery: "baud=9600"}
	return node{
		"data": d.at(t.folder(), "data"), "page": local(d.ports.Tills[t.n-1]),
		"head_office": node{"url": d.relayURL(t)},
		"register":    node{"type": t.register, "port": "tcp://" + local(d.ports.Registers[t.n-1])},
		"scanners":    []node{{"name": "scanner", "type": "serial-scanner", "port": scanner.String()}},
	}
}

func (d *demo) counterConfig(t till) node {
	at := shops[t.store-1]
	return node{
		"name": fmt.Sprintf("Касса %d, %s", t.n, at.Name),
		"register": node{
			"type": t.register, "listen": local(d.ports.Registers[t.n-1]), "folder": d.at(t.folder(), t.register), "fn": fmt.Sprintf("999907890000%02d%02d", len(t.register), t.n),
			"serial": t.n, "inn": taxpayer, "zone": at.Zone, "shop": []string{"ООО «КОПИЛКА»", at.Name, at.Address},
		},
		"scanner": node{"link": d.scanner(t), "aim": true},
		"network": node{"listen": local(d.ports.Relays[t.n-1]), "target": local(d.ports.Cloud)},
	}
}

func (d *demo) scanner(t till) string { return d.at(t.folder(), "scanner") }

func (d *demo) writeConfig(path string, c node) error {
	raw, err := yaml.Marshal(c)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), folderPerm)
	}
	if err == nil {
		err = os.WriteFile(path, raw, filePerm)
	}
	if err != nil {
		return fmt.Errorf("write the config %s: %w", path, err)
	}
	return nil
}
