#!/usr/bin/env bash
# What package managers do with the packages: rpm with a root of its own (install, verify, upgrade, erase), dpkg in the
# same kind of root (install, upgrade, remove, purge), the scriptlets with the arguments of both, and signatures.
# The root is this machine's own, under an overlay in memory that goes with the process. Leaves nothing.
#   .ci/rpm.sh [OLDER NEWER]   two folders of make packages, the newer one signed; without, they are built
# Ends with 3 where it may not make a root.
set -euo pipefail
cd "$(dirname "$0")/.."

not_run() { echo "not run: $*"; exit 3; }
fail() { echo "rpm: $*" >&2; exit 1; }
if [ "${KOPILKA_OWN_MOUNTS:-}" != 1 ]; then
  [ "$(id -u)" -eq 0 ] || not_run "only root can change the root"
  for tool in rpm dpkg gpg osslsigncode openssl unshare flock; do command -v "$tool" >/dev/null || not_run "$tool is missing: make deps"; done
  unshare -m true 2>/dev/null || not_run "no mount name spaces here"
  exec env KOPILKA_OWN_MOUNTS=1 unshare -m --propagation private bash "$0" "$@"
fi
began=$SECONDS
work=$(mktemp -d)
root=$work/root
leave() {
  [ ! -d "$work/gnupg" ] || GNUPGHOME=$work/gnupg gpgconf --kill all || true
  umount -l "$root/dev" "$root/proc" "$root" "$work/layer" 2>/dev/null || true
  rm -rf --one-file-system "$work" # what could not be unmounted is not ours
}
trap leave EXIT
trap 'exit 130' INT TERM
# on_machine: what the packages, dpkg and rpm would change on this machine if they got out of the root.
on_machine() {
  stat -c '%n %i %Z' /usr/lib/kopilka /usr/bin/kopilka-* /var/lib/kopilka* /var/backups/kopilka* /etc/kopilka* /usr/share/doc/kopilka* \
    /usr/lib/systemd/system/kopilka* /etc/systemd/system/*.wants/kopilka* /etc/xdg/autostart/kopilka* /var/lib/rpm 2>/dev/null || true
  getent passwd kopilka kopilka-cloud || true
}
before=$(on_machine)
checks=0
ok() { checks=$((checks + 1)); "$@" || fail "not so: $*"; }
not() { checks=$((checks + 1)); ! "$@" || fail "should not be: $*"; }
says() { checks=$((checks + 1)); grep -qF "$1" "$work/out" || { cat "$work/out" >&2; fail "it does not say: $1"; }; }

# --- keys and packages -------------------------------------------------------------------------------------------
if [ $# -eq 2 ]; then
  older=$(realpath "$1") newer=$(realpath "$2")
else
  older=$work/older newer=$work/newer
  mkdir -m 700 "$work/gnupg"
  export GNUPGHOME=$work/gnupg TOOLS=$work/tools SOURCE_DATE_EPOCH=1764000000
  gpg --batch --quiet --passphrase '' --quick-generate-key 'Test <test@kopilka.example>' rsa3072 sign never
  gpg --batch --armor --export-secret-keys >"$work/key.asc"
  gpg --batch --armor --export >"$work/public.asc"
  openssl req -x509 -newkey rsa:3072 -nodes -days 2 -subj /CN=test -addext extendedKeyUsage=codeSigning -keyout "$work/code.key" -out "$work/code.crt" 2>/dev/null
  DIST=$older VERSION=1.0.0 PACKAGES_FOR=linux-amd64 bash installer/packages/build.sh
  SOURCE_DATE_EPOCH=$(date +%s) DIST=$newer VERSION=1.0.1 PACKAGES_FOR="linux-amd64 windows-amd64" KOPILKA_PGP_KEY=$work/key.asc \
    KOPILKA_CODE_CERT=$work/code.crt KOPILKA_CODE_KEY=$work/code.key bash installer/packages/build.sh
fi
CGO_ENABLED=0 go build -o "$work/unsent" .ci/unsent.go

# --- the root ----------------------------------------------------------------------------------------------------
fresh() {
  umount -l "$root/dev" "$root/proc" "$root" "$work/layer" 2>/dev/null || true
  mkdir -p "$root" "$work/layer"
  mount -t tmpfs -o size=1500m tmpfs "$work/layer"
  mkdir "$work/layer/upper" "$work/layer/work"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$work/layer/upper,workdir=$work/layer/work" "$root"
  mount --bind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  rm -rf "$root"/var/lib/kopilka* "$root"/etc/kopilka* "$root"/usr/lib/kopilka "$root/run/systemd/system" "$root/var/lib/rpm"
  mkdir "$root/packages"
  cp "$older"/*.deb "$root/packages" && cp "$newer"/*.deb "$root/packages"
}
in_root() { chroot "$root" env LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
packager() { in_root "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; fail "$*"; }; }
data=$root/var/lib/kopilka
ledger() { rm -rf "$data/ledger"; "$work/unsent" "$@" "$data"; }
version_is() { [ "$(in_root /usr/bin/kopilka-agent version)" = "kopilka-agent $1" ]; }

installed() {
  ok version_is "$1"
  ok [ "$(readlink "$root/usr/lib/kopilka/current")" = packaged ]
  ok [ "$(stat -c '%a' "$data")" = 750 ]
  ok [ "$(in_root stat -c '%U:%G' /var/lib/kopilka)" = kopilka:kopilka ]
  ok in_root getent group dialout plugdev >/dev/null
  ok [ -L "$root/etc/systemd/system/multi-user.target.wants/kopilka-agent.service" ]
  ok [ -L "$root/etc/systemd/system/paths.target.wants/kopilka-updater.path" ]
}
gone() {
  not [ -e "$root/usr/lib/kopilka" ]
  not [ -e "$root/usr/share/doc/kopilka-agent" ]
  not [ -L "$root/usr/bin/kopilka-agent" ]
  not [ -L "$root/usr/bin/kopilka-updater" ]
}
# an_update [VERSION]: as the updater leaves it.
an_update() {
  mkdir -p "$root/usr/lib/kopilka/versions/${1:-9.9.9}" && cp "$root/usr/lib/kopilka/packaged/kopilka-agent" "$root/usr/lib/kopilka/versions/${1:-9.9.9}/"
}
current_is() { [ "$(readlink "$root/usr/lib/kopilka/current")" = "$1" ]; }

# put_back COMMAND…: the older package in place of the newer one, on purpose. Without an update its program takes over.
put_back() {
  "$@"
  ok version_is 1.0.0
  ok current_is packaged
  not grep -q 'stays on version' "$work/out"
}
# put_back_under_update COMMAND…: a newer update goes on, and the command that is printed then makes the package current.
put_back_under_update() {
  an_update
  ln -sfn versions/9.9.9 "$root/usr/lib/kopilka/current"
  "$@"
  ok current_is versions/9.9.9
  says 'Касса остаётся на версии 9.9.9: её принесло обновление, и она новее пакета (1.0.0).'
  says 'The till stays on version 9.9.9: an update brought it, and it is newer than the package (1.0.0).'
  local command
  command=$(sed -n 's/^To change to the package: \(.*\) && .*/\1/p' "$work/out")
  ok [ -n "$command" ]
  # shellcheck disable=SC2086 # a command and its words
  packager $command
  ok version_is 1.0.0
  ok current_is packaged
}

# --- dpkg --------------------------------------------------------------------------------------------------------
old_deb=/packages/kopilka-agent_1.0.0_amd64.deb new_deb=/packages/kopilka-agent_1.0.1_amd64.deb
dpkg_lives() {
  fresh
  packager dpkg -i --force-depends "$old_deb"
  says 'kopilka-agent enroll'
  installed 1.0.0
  ledger
  mkdir -p "$root/etc/kopilka"
  printf 'data: /var/lib/kopilka\nregister: {type: none}\n' >"$root/etc/kopilka/config.yaml"
  in_root systemctl disable kopilka-agent.service >/dev/null 2>&1
  packager dpkg -i --force-depends "$new_deb"
  ok version_is 1.0.1
  not [ -L "$root/etc/systemd/system/multi-user.target.wants/kopilka-agent.service" ] # what a person switched off stays off
  ok [ -e "$data/ledger/ledger.db" ]
  put_back packager dpkg -i --force-depends "$old_deb"
  packager dpkg -i --force-depends "$new_deb"
  put_back_under_update packager dpkg -i --force-depends "$old_deb"
  an_update 1.0.0-rc.1
  ln -sfn versions/1.0.0-rc.1 "$root/usr/lib/kopilka/current"
  packager dpkg -i --force-depends "$new_deb"
  ok version_is 1.0.1
  ok current_is packaged
  not grep -q 'stays on version' "$work/out"
  not [ -L "$root/etc/systemd/system/multi-user.target.wants/kopilka-agent.service" ]
  an_update
  packager dpkg -r kopilka-agent
  says 'записей, которых нет в головном офисе: 2'
  says 'records that head office does not have: 2'
  gone
  ok [ -e "$data/ledger/ledger.db" ]
  ok [ -e "$root/etc/kopilka/config.yaml" ]
  packager dpkg -P kopilka-agent
  says 'rm -r /var/lib/kopilka'
  says 'Папка оставлена'
  ok [ -e "$data/identity.json" ]
  # A ledger that came after the answer: nobody knows.
  packager dpkg -i --force-depends "$new_deb"
  ledger -acknowledged
  packager dpkg -r kopilka-agent
  ledger
  packager dpkg -P kopilka-agent
  says 'could not be checked'
  ok [ -e "$data/ledger/ledger.db" ]
  # Locked, and damaged.
  packager dpkg -i --force-depends "$new_deb"
  ledger -acknowledged
  flock -x "$data/ledger/ledger.db" chroot "$root" dpkg -P kopilka-agent >"$work/out" 2>&1 || fail "purge of a locked ledger: $(cat "$work/out")"
  says 'could not be checked'
  ok [ -e "$data/ledger/ledger.db" ]
  packager dpkg -i --force-depends "$new_deb"
  truncate -s 5000 "$data/ledger/ledger.db"
  packager dpkg -P kopilka-agent
  says 'не удалось проверить'
  ok [ -e "$data/ledger/ledger.db" ]
  # Insisted, and acknowledged.
  packager dpkg -i --force-depends "$new_deb"
  packager env KOPILKA_I_HAVE_SYNCED=1 dpkg -P kopilka-agent
  not [ -e "$data" ]
  packager dpkg -i --force-depends "$new_deb"
  installed 1.0.1
  ledger -acknowledged
  packager dpkg -P kopilka-agent
  not [ -e "$data" ]
  not [ -e "$root/etc/kopilka" ]
  not [ -e "$root/var/lib/kopilka-updater" ]
  gone
}

cloud_lives() {
  fresh
  packager dpkg -i --force-depends /packages/kopilka-cloud_1.0.0_amd64.deb
  says 'kopilka-cloud init'
  ok [ "$(in_root stat -c '%a %U' /var/lib/kopilka-cloud)" = '700 kopilka-cloud' ]
  ok [ -L "$root/etc/systemd/system/timers.target.wants/kopilka-cloud-backup.timer" ]
  touch "$root/var/lib/kopilka-cloud/kopilka.db"
  packager dpkg -i --force-depends /packages/kopilka-cloud_1.0.1_amd64.deb
  ok in_root kopilka-cloud version >/dev/null
  packager dpkg -P kopilka-cloud
  says 'ключи организации оставлены'
  ok [ -e "$root/var/lib/kopilka-cloud/kopilka.db" ]
  packager dpkg -i --force-depends /packages/kopilka-cloud_1.0.1_amd64.deb
  packager env KOPILKA_DELETE_DATABASE=1 dpkg -P kopilka-cloud
  not [ -e "$root/var/lib/kopilka-cloud" ]
  ok [ -d "$root/var/backups/kopilka-cloud" ]
}

# --- rpm ---------------------------------------------------------------------------------------------------------
own() { LC_ALL=C.UTF-8 rpm --root "$root" "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; fail "rpm $*"; }; }
rpm_lives() {
  fresh
  own --initdb
  own -U --nodeps "$older"/kopilka-agent-1.0.0-1.x86_64.rpm "$older"/kopilka-cloud-1.0.0-1.x86_64.rpm
  installed 1.0.0
  own -V --nodeps kopilka-agent kopilka-cloud
  ledger
  own -U --nodeps "$newer"/kopilka-agent-1.0.1-1.x86_64.rpm "$newer"/kopilka-cloud-1.0.1-1.x86_64.rpm
  installed 1.0.1
  own -V --nodeps kopilka-agent kopilka-cloud
  local old_rpm=$older/kopilka-agent-1.0.0-1.x86_64.rpm new_rpm=$newer/kopilka-agent-1.0.1-1.x86_64.rpm
  put_back own -U --nodeps --oldpackage "$old_rpm"
  own -U --nodeps "$new_rpm"
  put_back_under_update own -U --nodeps --oldpackage "$old_rpm"
  own -U --nodeps "$new_rpm"
  installed 1.0.1
  echo x >>"$root/usr/lib/kopilka/kopilka-updater"
  not rpm --root "$root" -V --nodeps kopilka-agent >/dev/null
  an_update
  own -e kopilka-agent kopilka-cloud
  says 'records that head office does not have: 2'
  gone
  ok [ -e "$data/ledger/ledger.db" ]
  not [ -L "$root/etc/systemd/system/multi-user.target.wants/kopilka-agent.service" ]
  # The way to purge where there is no purge: before erasing.
  own -U --nodeps --replacepkgs "$newer"/kopilka-agent-1.0.1-1.x86_64.rpm
  not in_root kopilka-agent purge </dev/null >/dev/null 2>&1
  packager kopilka-agent purge --i-have-synced
  not [ -e "$data/ledger" ]
  own -e kopilka-agent
  not grep -q 'нет в головном офисе' "$work/out"
}

# --- scriptlets, with systemd there ------------------------------------------------------------------------------
# called SCRIPT ARGUMENTS…: which units systemctl was given, in a machine that says it runs systemd.
called() {
  rm -f "$root/calls"
  in_root env PATH="/recorder:$PATH" sh "/scripts/$1.sh" "${@:2}" >"$work/out" 2>&1 || { cat "$work/out" >&2; fail "$*"; }
  cat "$root/calls" 2>/dev/null || true
}
wants() { checks=$((checks + 1)); grep -q -- "$1" <<<"$2" || fail "want systemctl $1, got: $2"; }
lacks() { checks=$((checks + 1)); ! grep -qE -- "$1" <<<"$2" || fail "no systemctl $1 wanted, got: $2"; }
scriptlets() {
  fresh
  packager dpkg -i --force-depends "$new_deb" /packages/kopilka-cloud_1.0.1_amd64.deb
  mkdir -p "$root/run/systemd/system" "$root/recorder"
  cp -r installer/packages/scripts "$root/scripts"
  printf '#!/bin/sh\necho "$*" >>/calls\ncase $1 in is-enabled) ! grep -sqxF "$3" /disabled ;; is-active) exit 3 ;; esac\n' >"$root/recorder/systemctl"
  chmod +x "$root/recorder/systemctl"
  local got one
  for one in 'configure' '1'; do
    got=$(called agent-postinst $one)
    wants 'enable kopilka-agent.service' "$got"
    lacks '^(re)?start .*kopilka-agent.service' "$got"
    wants '^start kopilka-updater.path' "$got"
    wants '^start kopilka-updater.timer' "$got"
    says 'kopilka-agent enroll'
    got=$(called cloud-postinst $one)
    wants 'enable kopilka-cloud.service' "$got"
    lacks '^(re)?start .*kopilka-cloud.service' "$got"
  done
  for one in 'configure 1.0.0' '2'; do
    got=$(called agent-postinst $one)
    wants 'try-restart kopilka-agent.service' "$got"
    wants '^start kopilka-updater.path' "$got"
    wants '^start kopilka-updater.timer' "$got"
    lacks '^(enable|restart|start kopilka-agent)' "$got"
    not grep -q 'Kopilka is installed' "$work/out"
    got=$(called cloud-postinst $one)
    wants 'try-restart .*kopilka-cloud.service' "$got"
    wants '^start kopilka-cloud-backup.timer' "$got"
    lacks '^(enable|restart|start kopilka-cloud.service)' "$got"
    says 'systemctl start kopilka-cloud'
  done
  removed_and_back
  for one in 'upgrade 1.0.1' 'failed-upgrade 1.0.0' '1'; do
    lacks . "$(called agent-prerm $one)$(called agent-postrm $one)$(called cloud-prerm $one)$(called cloud-postrm $one)"
    ok [ -L "$root/usr/lib/kopilka/current" ]
  done
  for one in 'remove' '0'; do
    wants 'stop .*kopilka-agent.service' "$(called agent-prerm $one)"
    wants 'stop .*kopilka-cloud.service' "$(called cloud-prerm $one)"
  done
  lacks 'kopilka' "$(called agent-postrm abort-install)"
  wants 'daemon-reload' "$(called agent-postrm remove)"
  called agent-postrm purge >/dev/null
  called agent-postrm purge >/dev/null # twice is as good
  # No systemd-sysusers, no systemctl, no useradd: a bare image.
  called agent-postinst abort-remove >/dev/null
}

# removed_and_back: dpkg installs what was removed with the version before, and takes a failed removal back. What the
# removal stopped runs again, but for what a person has switched off.
removed_and_back() {
  local got link=$root/usr/lib/kopilka/current
  rm "$link"
  got=$(called agent-postinst configure 1.0.0)
  says 'kopilka-agent enroll'
  wants '^start kopilka-updater.path' "$got"
  lacks '^(enable|start kopilka-agent)' "$got" # it is no till
  ok [ -L "$link" ]
  touch "$data/identity.json"
  rm "$link"
  got=$(called agent-postinst configure 1.0.0)
  wants '^start kopilka-agent.service' "$got"
  lacks '^enable' "$got"
  not grep -q 'kopilka-agent enroll' "$work/out"
  got=$(called agent-postinst abort-remove)
  wants '^start kopilka-agent.service' "$got"
  wants '^start kopilka-updater.timer' "$got"
  got=$(called agent-postinst configure) # another machine's data: that one may still run
  lacks '^start kopilka-agent' "$got"
  says 'kopilka-agent service start'
  printf '%s\n' kopilka-agent.service kopilka-updater.timer >"$root/disabled"
  rm "$link"
  got=$(called agent-postinst configure 1.0.0)
  wants '^start kopilka-updater.path' "$got"
  lacks '^start (kopilka-agent|kopilka-updater.timer)' "$got"
  says 'kopilka-agent service start'
  rm "$root/disabled" "$data/identity.json"
  mkdir -p "$root/etc/kopilka" "$root/srv/till" # a till whose data are elsewhere
  printf 'data: "/srv/till" # the other disk\n' >"$root/etc/kopilka/config.yaml"
  touch "$root/srv/till/identity.json"
  wants '^start kopilka-agent.service' "$(called agent-postinst abort-remove)"
  rm -r "$root/srv/till" "$root/etc/kopilka"
}

# --- signatures --------------------------------------------------------------------------------------------------
signatures() {
  fresh
  own --initdb
  local rpm=$newer/kopilka-agent-1.0.1-1.x86_64.rpm deb=$newer/kopilka-agent_1.0.1_amd64.deb exe
  not rpm --root "$root" -K "$rpm" >/dev/null 2>&1 # the key is not known yet
  own --import "$work/public.asc"
  own -K "$rpm"
  says 'signatures OK'
  spoil "$rpm" "$work/spoilt.rpm"
  not rpm --root "$root" -K "$work/spoilt.rpm" >/dev/null 2>&1
  ok deb_signed "$deb"
  spoil "$deb" "$work/spoilt.deb"
  not deb_signed "$work/spoilt.deb"
  own -K "$older/kopilka-agent-1.0.0-1.x86_64.rpm" # built without a key
  not grep -q signatures "$work/out"
  not deb_signed "$older/kopilka-agent_1.0.0_amd64.deb" 2>/dev/null
  ok gpg --batch --quiet --verify "$newer/SHA256SUMS.asc" "$newer/SHA256SUMS" 2>/dev/null
  spoil "$newer/SHA256SUMS" "$work/spoilt"
  not gpg --batch --quiet --verify "$newer/SHA256SUMS.asc" "$work/spoilt" 2>/dev/null
  for exe in "$newer"/programs/windows-amd64/*.exe "$newer"/*.msi; do
    ok osslsigncode verify -CAfile "$work/code.crt" -in "$exe" >/dev/null 2>&1
    spoil "$exe" "$work/spoilt"
    not osslsigncode verify -CAfile "$work/code.crt" -in "$work/spoilt" >/dev/null 2>&1
  done
  not osslsigncode verify -CAfile /etc/ssl/certs/ca-certificates.crt -in "$newer/programs/windows-amd64/kopilka-agent.exe" >/dev/null 2>&1
}
# spoil FILE COPY: turns one bit in the middle.
spoil() {
  local at byte
  at=$(($(stat -c %s "$1") / 2))
  cp "$1" "$2"
  byte=$(od -An -tu1 -j "$at" -N 1 "$1")
  printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$2" bs=1 seek="$at" conv=notrunc status=none
}
deb_signed() {
  (cd "$work" && rm -rf ar && mkdir ar && cd ar && ar x "$1" &&
    cat debian-binary control.tar.* data.tar.* | gpg --batch --quiet --verify _gpgorigin - 2>/dev/null)
}

dpkg_lives
cloud_lives
rpm_lives
scriptlets
if [ $# -ne 2 ]; then signatures; fi
[ "$(on_machine)" = "$before" ] || fail "this machine itself was changed: $before; now $(on_machine)"
echo "$checks checks of dpkg, rpm, their scriptlets and signatures, $((SECONDS - began)) s"
