#!/bin/sh
# After the files of kopilka-agent went.
#   dpkg: remove, purge, upgrade VERSION, failed-upgrade, abort-…, disappear     rpm: 0 erase, 1 upgrade
# Removing keeps the ledger, the till's key and the config. Purging removes them once head office has everything.
set -e
programs=/usr/lib/kopilka
data=/var/lib/kopilka
state=/var/lib/kopilka-updater
config=/etc/kopilka

can() { command -v "$1" >/dev/null 2>&1; }

# open_records: how many records head office does not have: a number, or unknown.
open_records() {
	if [ -z "$(ls -A "$data/ledger" 2>/dev/null)" ]; then
		echo 0 # no ledger
		return
	fi
	answer='' looks=''
	if [ -f "$state/unacknowledged" ]; then read -r answer looks <"$state/unacknowledged" || true; fi
	if [ -z "$answer" ] || [ "$looks" != "$(stat -c '%i-%s-%Y' "$data/ledger/ledger.db" 2>/dev/null || echo none)" ]; then
		answer=unknown
	fi
	echo "$answer"
}

# say_kept NUMBER: what is in the folder.
say_kept() {
	if [ "$1" = unknown ]; then
		ru="могут быть продажи, которых нет в головном офисе (журнал не удалось проверить)"
		en="may be sales that head office does not have (the ledger could not be checked)"
	else
		ru="записей, которых нет в головном офисе: $1 (продажи, возвраты, баллы)"
		en="are records that head office does not have: $1 (sales, returns, points)"
	fi
	echo "В $data $ru." >&2
	echo "In $data there $en." >&2
}

forget_links() {
	for link in multi-user.target.wants/kopilka-agent.service multi-user.target.wants/kopilka-updater.service \
		paths.target.wants/kopilka-updater.path timers.target.wants/kopilka-updater.timer; do
		rm -f "/etc/systemd/system/$link"
	done
}

removed() {
	rm -rf "$programs/versions"
	rm -f "$programs/current"
	rmdir "$programs" 2>/dev/null || true
	if [ -e /run/udev/control ] && can udevadm; then udevadm control --reload || true; fi
	if [ -d /run/systemd/system ] && can systemctl; then systemctl daemon-reload || true; fi
	left=$(open_records)
	[ "$left" = 0 ] || say_kept "$left"
}

purge() {
	left=$(open_records)
	if [ "$left" != 0 ] && [ "${KOPILKA_I_HAVE_SYNCED:-}" != 1 ]; then
		say_kept "$left"
		cat >&2 <<-SAY
			Папка оставлена. Чтобы сдать записи: установите пакет снова и дайте кассе связь (kopilka-agent service start).
			Чтобы потерять их: rm -r $data $state $config
			The folder is kept. To hand the records in: install the package again and let the till reach head office (kopilka-agent service start).
			To lose them: rm -r $data $state $config
			(Другой раз / Another time: kopilka-agent purge --i-have-synced, KOPILKA_I_HAVE_SYNCED=1 dpkg -P kopilka-agent)
		SAY
		return
	fi
	rm -f /etc/xdg/autostart/kopilka-kiosk.desktop
	rm -rf "$data" "$state" "$config" /etc/systemd/system/kopilka-agent.service.d
}

case ${1:-} in
remove) removed ;;
0)
	removed
	forget_links
	;;
purge)
	forget_links
	purge
	;;
esac
exit 0
