#!/bin/sh
# After the files of kopilka-cloud are in place.
#   dpkg: configure [VERSION-BEFORE], abort-upgrade, abort-remove, abort-deconfigure     rpm: 1 first, 2 and more: upgrade
# Without systemd it does what can be done without and does not fail.
set -e

first=no
case ${1:-} in
configure) [ -n "${2:-}" ] || first=yes ;;
1) first=yes ;;
esac

can() { command -v "$1" >/dev/null 2>&1; }
booted() { [ -d /run/systemd/system ] && can systemctl; }

# The account and the folders of sysusers.d and tmpfiles.d, also where systemd's tools are not.
if ! can systemd-sysusers || ! systemd-sysusers kopilka-cloud.conf; then
	if can groupadd && can useradd; then
		getent group kopilka-cloud >/dev/null || groupadd -r kopilka-cloud
		getent passwd kopilka-cloud >/dev/null ||
			useradd -r -g kopilka-cloud -d /var/lib/kopilka-cloud -M -s /usr/sbin/nologin -c "Kopilka head office" kopilka-cloud
	else
		echo "kopilka-cloud: no systemd-sysusers and no useradd here: make the account kopilka-cloud yourself / создайте учётную запись kopilka-cloud сами" >&2
	fi
fi
for folder in /var/lib/kopilka-cloud /var/backups/kopilka-cloud; do
	if [ ! -d "$folder" ]; then
		mkdir -p "$folder"
		chmod 0700 "$folder"
		! getent passwd kopilka-cloud >/dev/null || chown kopilka-cloud:kopilka-cloud "$folder"
	fi
done

! booted || systemctl daemon-reload || true
if [ "$first" = yes ]; then
	# The service is not started: there is no organisation before init.
	! can systemctl || systemctl enable kopilka-cloud.service kopilka-cloud-backup.timer || true
	! booted || systemctl start kopilka-cloud-backup.timer || true
	cat <<-'SAY'
		Головной офис установлен. Дальше: kopilka-cloud init, затем systemctl start kopilka-cloud
		Head office is installed. Next: kopilka-cloud init, then systemctl start kopilka-cloud
	SAY
elif booted; then
	systemctl try-restart kopilka-cloud-backup.timer kopilka-cloud.service || true
	# dpkg installs what was removed as if it upgraded it, and the removal has stopped both.
	! systemctl is-enabled --quiet kopilka-cloud-backup.timer || systemctl start kopilka-cloud-backup.timer || true
	systemctl is-active --quiet kopilka-cloud.service || cat <<-'SAY'
		Головной офис не работает. Запустить: systemctl start kopilka-cloud
		Head office does not run. To start it: systemctl start kopilka-cloud
	SAY
fi
exit 0
