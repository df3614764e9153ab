#!/bin/sh
# Before the files of kopilka-agent go.
#   dpkg: remove, upgrade VERSION, deconfigure, failed-upgrade     rpm: 0 erase, 1 upgrade
# An upgrade leaves the till running; whoever puts the new files starts it anew.
set -e
data=/var/lib/kopilka
state=/var/lib/kopilka-updater

case ${1:-} in
remove | 0) ;;
*) exit 0 ;;
esac

if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
	systemctl stop kopilka-updater.path kopilka-updater.timer kopilka-updater.service kopilka-agent.service || true
fi

# Only the program knows what head office has not acknowledged, and it is gone when somebody purges. The answer is
# kept with what the ledger's file looked like, so that it does not speak for a file that came later.
answer=unknown
if said=$(timeout 300 /usr/bin/kopilka-agent purge -check); then
	if [ "${said#* }" = "$data" ]; then
		answer=${said%% *}
		case $answer in '' | *[!0-9]*) answer=unknown ;; esac
	fi
fi
looks=$(stat -c '%i-%s-%Y' "$data/ledger/ledger.db" 2>/dev/null || echo none)
mkdir -p "$state"
echo "$answer $looks" >"$state/unacknowledged.new"
mv -f "$state/unacknowledged.new" "$state/unacknowledged"
exit 0
