#!/bin/sh
# Before the files of kopilka-cloud go. dpkg: remove, upgrade VERSION, …; rpm: 0 erase, 1 upgrade.
# An upgrade leaves head office running; whoever puts the new files starts it anew.
set -e
case ${1:-} in
remove | 0)
	if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
		systemctl stop kopilka-cloud-backup.timer kopilka-cloud-backup.service kopilka-cloud.service || true
	fi
	;;
esac
exit 0
