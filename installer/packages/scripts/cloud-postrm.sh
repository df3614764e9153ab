#!/bin/sh
# After the files of kopilka-cloud went. dpkg: remove, purge, upgrade VERSION, …; rpm: 0 erase, 1 upgrade.
# Removing keeps database and settings. Purging removes them only when a person insists; backups stay always.
set -e
data=/var/lib/kopilka-cloud

forget_links() {
	rm -f /etc/systemd/system/multi-user.target.wants/kopilka-cloud.service /etc/systemd/system/timers.target.wants/kopilka-cloud-backup.timer
}

reload() {
	if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then systemctl daemon-reload || true; fi
}

purge() {
	if [ -n "$(ls -A "$data" 2>/dev/null)" ] && [ "${KOPILKA_DELETE_DATABASE:-}" != 1 ]; then
		cat >&2 <<-SAY
			База и ключи организации оставлены в $data. Удалить их: rm -r $data
			(в другой раз: KOPILKA_DELETE_DATABASE=1 dpkg -P kopilka-cloud). Копии остаются в /var/backups/kopilka-cloud.
			The database and the organisation's keys are kept in $data. To remove them: rm -r $data
			(another time: KOPILKA_DELETE_DATABASE=1 dpkg -P kopilka-cloud). Backups stay in /var/backups/kopilka-cloud.
		SAY
		return
	fi
	rm -rf "$data" /etc/kopilka-cloud /etc/systemd/system/kopilka-cloud.service.d /etc/systemd/system/kopilka-cloud-backup.service.d
}

case ${1:-} in
remove) reload ;;
0)
	forget_links
	reload
	;;
purge)
	forget_links
	purge
	reload
	;;
esac
exit 0
