#!/usr/bin/env bash
# The packages on a machine of their own: Debian with systemd as its first process, in a container. What a person of
# store IT does by the README is done here by its commands alone, with a real head office and an emulated register:
# install, enrol, sell, kill, hang, upgrade, update, an update that fails, remove, purge. Says how long it took from
# the package file to the first sale. Ends with 3 where no such machine can be had (it counts as not run).
#   .ci/nspawn.sh [DIST]     packages of `make packages`; without, they are built
set -euo pipefail
cd "$(dirname "$0")/.."

cannot() { echo "not run: $*"; exit 3; }
[ "$(id -u)" -eq 0 ] || cannot "a container with systemd wants root"
for tool in systemd-nspawn debootstrap nsenter curl; do
  command -v "$tool" >/dev/null || cannot "no $tool (make deps installs it)"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/kopilka-nspawn.XXXXXX")
root=$work/root
first='' # the container's first process
holder=''
leave() {
  status=$?
  if [ -n "$first" ] && [ -d "/proc/$first" ]; then
    [ "$status" -eq 0 ] || on kopilka-agent updates -lang en || true
    [ "$status" -eq 0 ] || on cat /var/lib/kopilka-updater/status.json || true
    [ "$status" -eq 0 ] || on journalctl --no-pager -n 120 -o short-precise || true
    on systemctl poweroff >/dev/null 2>&1 || true
    for _ in $(seq 200); do [ -d "/proc/$first" ] || break; sleep 0.1; done
    [ ! -d "/proc/$first" ] || kill -9 "$first" || true
  fi
  [ -z "$holder" ] || wait "$holder" 2>/dev/null || true
  rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM

fail() { echo "FAILED: $*" >&2; exit 1; }
say() { printf '%6.1f s  %s\n' "$(seconds "$begun")" "$*"; }
now() { date +%s.%N; }
seconds() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
begun=$(now)

# on COMMAND...: on the machine in the container.
on() { nsenter -t "$first" -a -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"; }

. .ci/shop
ask() { on curl "$@"; }
jar=/tmp/jar

# --- the machine -------------------------------------------------------------------------------------------------

# base_root makes the bare Debian once and keeps it: debootstrap takes most of a minute.
base_root() {
  base=${KOPILKA_DEBIAN_ROOT:-/var/cache/kopilka-test/root}
  [ ! -x "$base/usr/lib/systemd/systemd" ] || return 0
  mkdir -p "$(dirname "$base")"
  rm -rf "$base.new"
  debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,udev,libpam-systemd,kmod,ca-certificates,curl \
    bookworm "$base.new" >"$work/debootstrap.log" 2>&1 || { tail -n 20 "$work/debootstrap.log"; cannot "debootstrap found no Debian"; }
  mv "$base.new" "$base"
}

boot() {
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn -D "$root" --boot --register=no --keep-unit --console=pipe \
    --capability=all --system-call-filter=bpf --private-network </dev/null >"$work/console.log" 2>&1 &
  holder=$!
  for _ in $(seq 100); do
    first=$(pgrep -P "$holder" || true)
    [ -z "$first" ] || break
    kill -0 "$holder" 2>/dev/null || { cat "$work/console.log"; cannot "systemd-nspawn does not start"; }
    sleep 0.1
  done
  until_true 60 running
}

running() { [ "$(on systemctl is-system-running)" = running ]; }

shut() {
  on systemctl poweroff >/dev/null 2>&1 || true
  wait "$holder" 2>/dev/null || true
  first='' holder=''
}

# --- the shop ----------------------------------------------------------------------------------------------------

till=http://127.0.0.1:8765
office=http://127.0.0.1:8420

# order JSON: a command of the cashier's page, asked again while the till prints.
order() {
  local try
  for try in $(seq 100); do
    if on curl -sf -X POST -H 'X-Kopilka: 1' -d "$1" "$till/command" >/dev/null; then return; fi
    sleep 0.1
  done
  fail "the till refuses $1: $(on curl -s -X POST -H 'X-Kopilka: 1' -d "$1" "$till/command")"
}

answers() { on curl -sf "$till/health"; }
receipts() { on curl -sf "$till/receipts?q=" | { grep -o '"total":8490' || true; } | wc -l; }
have_receipts() { [ "$(receipts)" -eq "$1" ]; }

# sell: one carton of milk for 84.90, cash.
sell() {
  local had
  had=$(receipts)
  order '{"do":"scan","code":"4601207000013"}'
  order '{"do":"pay","tenders":[{"kind":1,"amount":8490}],"given":10000}'
  until_true 30 have_receipts $((had + 1))
}

open_shift() {
  order '{"do":"sign-in","pin":"1111"}'
  order '{"do":"open-shift"}'
  order '{"do":"clear"}'
}

# at_head_office N: the office's page shows that many sales.
at_head_office() {
  [ "$(shown "$office" admin "$password" | grep -c '84,90')" -ge "$1" ]
}

version_of() { on curl -sf "$till/health" | grep -oE '"version":"[^"]*"' | cut -d'"' -f4; }
runs_version() { [ "$(version_of)" = "$1" ]; }

# --- the story ---------------------------------------------------------------------------------------------------

older=1.0.0 newer=1.1.0 updated=1.2.0 broken=1.3.0
arch=$(dpkg --print-architecture)

# packages: two versions to install, two more as updates, the last of which dies at its start.
packages() {
  dist=${1:-}
  if [ -z "$dist" ]; then
    dist=$work/dist
    for v in "$older" "$newer"; do
      VERSION=$v DIST=$dist/$v PACKAGES_FOR=linux-$arch TOOLS=${TOOLS:-$work/tools} bash installer/packages/build.sh >"$work/packages.log" 2>&1 ||
        { tail -n 30 "$work/packages.log"; fail "make packages VERSION=$v"; }
    done
  fi
  program "$updated" ./agent/cmd/kopilka-agent
  build_dying "$broken" linux "$arch" "$work/dying/kopilka-agent"
  program "$broken" "$work/dying/kopilka-agent"
  CGO_ENABLED=0 go build -trimpath -o "$work/kopilka-emulator" ./drivers/cmd/kopilka-emulator
}

# program VERSION WHAT: a till program as an update, with its release file; WHAT is a package or a built program.
program() {
  local folder=$work/releases/$1
  mkdir -p "$folder"
  if [ -x "$2" ] && [ ! -d "$2" ]; then
    cp "$2" "$folder/kopilka-agent"
  else
    go build -trimpath -ldflags "-s -w -X main.version=$1" -o "$folder/kopilka-agent" "$2"
  fi
  release "$1" linux "$arch" "$folder/kopilka-agent"
}

prepare() {
  cp -a "$base" "$root"
  cp "$dist/$older"/*_"$arch".deb "$root/root/"
  mkdir -p "$root/root/newer" "$root/root/releases"
  cp "$dist/$newer"/*_"$arch".deb "$root/root/newer/"
  cp -a "$work/releases/." "$root/root/releases/"
  cp "$work/kopilka-emulator" "$root/usr/local/bin/"
  goods_json >"$root/root/shop.json"
  register_yaml 127.0.0.1:7900 127.0.0.1:7778 /root/register >"$root/root/emulator.yaml"
}

# restarts: how often systemd has started the till's service anew.
restarts() { on systemctl show -p NRestarts --value kopilka-agent; }
restarted() { [ "$(restarts)" -gt "$1" ]; }

head_office() {
  on dpkg -i "/root/kopilka-cloud_${older}_${arch}.deb" >/dev/null
  password=$(on kopilka-cloud init -name 'ООО «Ромашка»' -login admin | sed -n 's/^password.*: //p')
  [ -n "$password" ] || fail "kopilka-cloud init prints no password"
  on kopilka-cloud seed -file /root/shop.json >/dev/null
  on systemctl enable --now kopilka-cloud >/dev/null 2>&1
  until_true 30 on curl -sf "$office/healthz"
  say "head office $older is installed and open"
}

counter() {
  on systemd-run -q --unit=register --working-directory=/root /usr/local/bin/kopilka-emulator -config /root/emulator.yaml
  until_true 20 on bash -c 'exec 3<>/dev/tcp/127.0.0.1/7778'
}

# first_sale by the documented commands alone, under a stopwatch.
first_sale() {
  local from
  code=$(on kopilka-cloud enrol-code -store 1)
  from=$(now)
  on dpkg -i "/root/kopilka-agent_${older}_${arch}.deb" >"$work/install.log" 2>&1 || { cat "$work/install.log"; fail "dpkg -i"; }
  on kopilka-agent enroll --yes "$office" "$code" || fail "enroll"
  until_true 30 answers
  open_shift
  sell
  stopwatch=$(seconds "$from")
  say "from the package's file to the first sale: $stopwatch s"
  until_true 30 at_head_office 1
  on kopilka-agent doctor -lang en >"$work/doctor.log" || { cat "$work/doctor.log"; fail "the doctor finds an error on a fresh till"; }
}

# as_service COMMAND: what it says where only the service's devices may be opened.
as_service() { on sh -c "echo \$\$ >$cgroup/cgroup.procs; $1" 2>&1 || true; }

hardened() {
  local score
  score=$(on systemd-analyze security kopilka-agent --no-pager | awk '/Overall exposure/ { print $(NF-2) }')
  awk -v s="$score" 'BEGIN { exit !(s <= 1.5) }' || fail "systemd-analyze security says $score"
  cgroup=/sys/fs/cgroup$(on systemctl show -p ControlGroup --value kopilka-agent)
  on mknod /dev/probe-loop b 7 0
  on mknod /dev/probe-serial c 4 64
  # A shell that joins the service's group of processes may open what the service may, and nothing else.
  as_service "head -c 1 /dev/probe-loop" | seen 'not permitted' || fail "the service may open any device: $(as_service 'head -c 1 /dev/probe-loop')"
  ! as_service "exec 3<>/dev/probe-serial" | seen 'not permitted' || fail "the service may not open a serial port"
  say "hardened: $score, devices closed but for its own"
}

survives() {
  local had
  had=$(restarts)
  on systemctl kill -s KILL --kill-whom=main kopilka-agent
  until_true 30 restarted "$had"
  until_true 30 answers
  order '{"do":"sign-in","pin":"1111"}'
  sell
  say "killed: started again, sells"
  until_true 30 on systemctl is-active kopilka-agent # the watchdog watches from READY on
  had=$(restarts)
  on systemctl kill -s STOP --kill-whom=main kopilka-agent
  until_true 90 restarted "$had"
  until_true 30 answers
  order '{"do":"sign-in","pin":"1111"}'
  sell
  say "hung: the watchdog started it again, sells"
  until_true 30 at_head_office 3
}

upgrade() {
  local before
  before=$(on sha256sum /etc/kopilka/config.yaml)
  on dpkg -i "/root/newer/kopilka-agent_${newer}_${arch}.deb" >"$work/upgrade.log" 2>&1 || { cat "$work/upgrade.log"; fail "upgrade"; }
  until_true 60 runs_version "$newer"
  [ "$before" = "$(on sha256sum /etc/kopilka/config.yaml)" ] || fail "the upgrade changed the config"
  have_receipts 3 || fail "the upgrade lost receipts"
  order '{"do":"sign-in","pin":"1111"}'
  sell
  until_true 30 at_head_office 4
  say "upgraded to $newer by its package, sells"
}

# update VERSION: offered by head office to everybody.
update() {
  on kopilka-cloud updates add -keys /root/keys "/root/releases/$1/release.json" >/dev/null
  on kopilka-cloud updates plan "$1" -share 100% >/dev/null
  on kopilka-agent updates check -lang en
}

updates() {
  on kopilka-cloud updates init -keys /root/keys >/dev/null
  on systemctl restart kopilka-cloud
  until_true 30 on curl -sf "$office/healthz"
  # Five quiet minutes are the rule; a test has less patience.
  on sed -i 's/^  quiet: 5m$/  quiet: 5s/' /etc/kopilka/config.yaml
  on systemctl restart kopilka-agent
  until_true 30 answers
  order '{"do":"sign-in","pin":"1111"}'
  order '{"do":"scan","code":"4601207000013"}' # a customer at the counter: the update waits
  update "$updated"
  until_true 300 wanted "$updated" # some 30 MB, at the pace that leaves the line to selling
  until_true 60 status
  runs_version "$newer" || fail "an update came in the middle of a sale"
  order '{"do":"clear"}'
  until_true 240 runs_version "$updated"
  order '{"do":"sign-in","pin":"1111"}'
  sell
  until_true 240 committed "$updated"
  say "updated to $updated between customers, healthy"
  update "$broken"
  until_true 300 refused "$broken"
  until_true 60 runs_version "$updated"
  order '{"do":"sign-in","pin":"1111"}'
  sell
  until_true 30 at_head_office 6
  say "$broken dies at its start: back to $updated, sells"
}

wanted() { grep -q "$1" "$root/var/lib/kopilka/updates/wanted.json"; }
status() { on cat /var/lib/kopilka-updater/status.json; }
committed() { status | seen '"code": "done"' && status | seen "\"version\": \"$1\""; }
# refused VERSION: it was tried and will not be again, and what runs is another one.
refused() { status | seen "\"wanted\": \"$1\"" && status | seen '"stage": ""' && ! status | seen '"code": "done"' && ! runs_version "$1"; }

removal() {
  on dpkg -r kopilka-agent >/dev/null 2>&1
  [ -s "$root/var/lib/kopilka/ledger/ledger.db" ] || fail "removal took the ledger along"
  on dpkg -i "/root/newer/kopilka-agent_${newer}_${arch}.deb" >/dev/null 2>&1
  on systemctl start kopilka-agent
  until_true 30 answers
  have_receipts 6 || fail "the till does not know its receipts any more"
  order '{"do":"sign-in","pin":"1111"}'
  on systemctl stop kopilka-cloud
  sell # head office does not know of this one
  on dpkg -P kopilka-agent >"$work/purge.log" 2>&1
  ls "$root"/var/lib/kopilka*/ledger/ledger.db >/dev/null 2>&1 || fail "purging threw a sale away that head office does not have: $(cat "$work/purge.log")"
  say "removed with the ledger kept; purged, and the unsent sale is still there"
  on dpkg -i "/root/newer/kopilka-agent_${newer}_${arch}.deb" >/dev/null 2>&1
  on systemctl start kopilka-cloud kopilka-agent
  until_true 60 at_head_office 7
  on dpkg -P kopilka-agent >"$work/purge.log" 2>&1
  ! ls "$root"/var/lib/kopilka/ledger/ledger.db >/dev/null 2>&1 || fail "the purge left the ledger of a till that has handed in all"
  say "purged when head office had it all"
}

packages "${1:-}"
base_root
prepare
boot
say "Debian is up"
head_office
counter
first_sale
hardened
survives
upgrade
updates
removal
shut
echo "from the package file to the first sale in $stopwatch s; killed, hung, upgraded, updated, rolled back, removed, purged"
