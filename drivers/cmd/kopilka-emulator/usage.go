package main

// usage is what -help prints before the flags. A test holds it against the config's keys.
const usage = `kopilka-emulator: counters of a shop on one page, each with a register, a scanner and a cable / прилавки с эмуляторами касс

The YAML of -config; paths are relative to the file, what is left out has the value shown:

listen: 127.0.0.1:8090       # of the page; this machine only
goods: goods.json            # what lies on the shelf: {"products": [{"sku", "name", "code", "price", "weighed", "age18"}],
                             #   "cards": [{"name", "code", "tier", "phone"}]}; none where it is not given
weight_prefix: "21"          # two digits that begin the barcode of weighed goods
counters:
  - name: Касса 1
    register:
      type: shtrih-m         # shtrih-m, atol, pirit or mercury
      listen: 127.0.0.1:7778 # where the till's register.port leads: tcp://127.0.0.1:7778
      folder: register       # keeps the fiscal storage; without it it is forgotten at the end
      fn: ""                 # number of the fiscal storage; another one in an old folder is another storage
      fn_expires: ""         # its last day, as 2027-12-31; empty: fifteen months from its registration
      unregistered: false    # a new storage comes fresh out of its box, and signs nothing
      serial: 1              # the register's own number
      inn: ""                # the user's tax number
      shop: []               # lines at the head of each receipt
      width: 0               # characters of the paper; 0: the model's own
      keep_document: false   # a document survives the power being cut, as in some models
      zone: ""               # of its wall clock, as Europe/Moscow; empty: this machine's
    scanner:                 # one of link and listen
      link: scanner          # a pseudo terminal: the till's serial:///…/scanner
      listen: ""             # or a TCP port: tcp://127.0.0.1:…
      aim: false             # sends AIM identifiers before codes
      prefix: ""             # sent before each code
    network:                 # the till's way to head office, to be cut; both or none
      listen: ""             # what the till takes for head office
      target: ""             # where it really is

Power, cable, paper, lid, the operator of fiscal data, a day that passes (a shift of more than 24 hours, a wrong date) and
lost answers are switches on the page.

`
