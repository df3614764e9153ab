#!/bin/sh
# After the files of kopilka-agent are in place.
#   dpkg: configure [VERSION-BEFORE], abort-upgrade, abort-remove, abort-deconfigure     rpm: 1 first, 2 and more: upgrade
# Without systemd (a container, an image being built) it does what can be done without and does not fail.
set -e
programs=/usr/lib/kopilka
data=/var/lib/kopilka
config=/etc/kopilka/config.yaml

first=no
case ${1:-} in
configure) [ -n "${2:-}" ] || first=yes ;;
1) first=yes ;;
esac

can() { command -v "$1" >/dev/null 2>&1; }
booted() { [ -d /run/systemd/system ] && can systemctl; }

# The accounts of /usr/lib/sysusers.d/kopilka.conf, also where there is no systemd-sysusers.
accounts() {
	if can systemd-sysusers && systemd-sysusers kopilka.conf; then return; fi
	if ! can groupadd || ! can useradd; then
		echo "kopilka-agent: no systemd-sysusers and no useradd here: make the account kopilka and the groups dialout and plugdev yourself / создайте учётную запись kopilka и группы dialout и plugdev сами" >&2
		return
	fi
	for group in kopilka dialout plugdev; do
		getent group "$group" >/dev/null || groupadd -r "$group"
	done
	getent passwd kopilka >/dev/null ||
		useradd -r -g kopilka -d "$data" -M -s /usr/sbin/nologin -c "Kopilka till agent" kopilka
}

# What leads to the program. The updater leaves a newer version current; where it cannot be asked, any is better
# than none.
link() {
	if "$programs/kopilka-updater" adopt; then
		say_kept
	elif [ ! -L "$programs/current" ]; then
		ln -s packaged "$programs/current"
	fi
}

# say_kept: who puts an older package on purpose must learn that the till does not run it, and what makes it.
say_kept() {
	kept=$(readlink "$programs/current" || true)
	case $kept in versions/*) kept=${kept#versions/} ;; *) return 0 ;; esac
	brought=$("$programs/packaged/kopilka-agent" version) || brought='?'
	brought=${brought##* }
	[ "$brought" != "$kept" ] || return 0
	cat <<-SAY
		Касса остаётся на версии $kept: её принесло обновление, и она новее пакета ($brought).
		Перейти на пакет: kopilka-updater adopt -force && systemctl try-restart kopilka-agent
		Касса снова возьмёт $kept, пока её предлагает головной офис; там: kopilka-cloud updates drop $kept
		The till stays on version $kept: an update brought it, and it is newer than the package ($brought).
		To change to the package: kopilka-updater adopt -force && systemctl try-restart kopilka-agent
		The till takes $kept again while head office offers it; there: kopilka-cloud updates drop $kept
	SAY
}

# start_enabled UNIT…: not those that a person has switched off.
start_enabled() {
	for unit in "$@"; do
		! systemctl is-enabled --quiet "$unit" || systemctl start "$unit" || true
	done
}

# a_till: the machine is enrolled, or its service will do it once head office can be reached.
a_till() {
	folder=$(sed -n 's/^data:[[:space:]]*"\{0,1\}\([^"#]*[^"#[:space:]]\).*/\1/p' "$config" 2>/dev/null) || true
	[ -e "${folder:-$data}/identity.json" ] || [ -e "${folder:-$data}/enrolment.json" ]
}

say_next() {
	if ! a_till; then
		cat <<-'SAY'
			Копилка установлена. Дальше: kopilka-agent enroll https://АДРЕС-ГОЛОВНОГО-ОФИСА КОД
			Kopilka is installed. Next: kopilka-agent enroll https://HEAD-OFFICE CODE
		SAY
	elif ! booted || ! systemctl is-active --quiet kopilka-agent.service; then
		cat <<-'SAY'
			Копилка установлена, данные кассы на месте. Дальше: kopilka-agent service start
			Kopilka is installed, the till's data are there. Next: kopilka-agent service start
		SAY
	fi
}

accounts
if [ ! -d "$data" ]; then
	mkdir -p "$data"
	chmod 0750 "$data"
	! getent passwd kopilka >/dev/null || chown kopilka:kopilka "$data"
fi
before=$(readlink "$programs/current" 2>/dev/null || true)
# A removal has stopped everything and taken the link away. dpkg installs what was removed as if it upgraded it, and
# takes a removal that failed back with abort-remove.
again=no
if [ "$first" = no ] && { [ -z "$before" ] || [ "${1:-}" = abort-remove ]; }; then again=yes; fi
link
now=$(readlink "$programs/current")

if [ -e /run/udev/control ] && can udevadm; then
	udevadm control --reload || true
	udevadm trigger --subsystem-match=tty --subsystem-match=usb --subsystem-match=hidraw || true
fi
! booted || systemctl daemon-reload || true
if [ "$first" = yes ]; then
	# Enabled, not started: a machine is no till before it is enrolled, and one with a till's data may be its successor,
	# while the other one still runs.
	! can systemctl || systemctl enable kopilka-agent.service kopilka-updater.service kopilka-updater.path kopilka-updater.timer || true
elif booted; then
	systemctl try-restart kopilka-updater.path kopilka-updater.timer || true
	# An update that is newer than this package goes on selling undisturbed.
	if [ "$before" != "$now" ] || [ "$now" = packaged ]; then
		systemctl try-restart kopilka-agent.service || true
	fi
fi
! booted || start_enabled kopilka-updater.path kopilka-updater.timer
if [ "$again" = yes ] && booted && a_till; then start_enabled kopilka-agent.service; fi
if [ "$first" = yes ] || [ -z "$before" ]; then say_next; fi
exit 0
