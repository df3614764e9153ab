#!/usr/bin/env bash
# Builds the Windows package of the till program: build.sh VERSION FOLDER OUT.msi
# FOLDER has kopilka-agent.exe and kopilka-updater.exe for windows-amd64. The same programs, SOURCE_DATE_EPOCH and tools
# give the same bytes. Wants wixl and msibuild (Debian: wixl msitools).
set -euo pipefail
[ $# -eq 3 ] || { echo "want: build.sh VERSION FOLDER OUT.msi" >&2; exit 2; }
version=$1 programs=$(realpath "$2") out=$(realpath -m "$3")
here=$(cd "$(dirname "$0")" && pwd) root=$(cd "$(dirname "$0")/../../.." && pwd)
for tool in wixl msibuild msiinfo sha1sum; do
  command -v "$tool" >/dev/null || { echo "build.sh: $tool is missing (Debian: wixl msitools)" >&2; exit 2; }
done
export LC_ALL=C.UTF-8
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)}

# Windows Installer's versions are three numbers; what else is in ours tells packages apart by their product code.
number=${version%%[-+]*}
[[ $number =~ ^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,5}$ ]] || { echo "build.sh: $version does not begin with three numbers such as 1.3.0" >&2; exit 2; }

# name_uuid TEXT: RFC 9562, version 5 (SHA-1) in a name space of this package's own.
name_uuid() {
  local h
  h=$( { printf '\x5c\x0a\x5e\x0b\x2f\x0c\x5b\x6f\x9b\x0e\x9e\x6e\x3b\x1c\x7a\x10'; printf '%s' "$1"; } | sha1sum)
  printf '%s-%s-5%s-%x%s-%s' "${h:0:8}" "${h:8:4}" "${h:13:3}" $((0x${h:16:1} & 3 | 8)) "${h:17:3}" "${h:20:12}" | tr a-f A-F
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$programs/kopilka-agent.exe" "$programs/kopilka-updater.exe" "$here/page.url" "$here/kopilka-agent.wxs" "$work"
cp "$root/config.example.yaml" "$work"
sed 's/$/\r/' "$root/LICENSE" >"$work/LICENSE.txt"
chmod 644 "$work"/*
touch -d "@$epoch" "$work"/*
cd "$work"
product=$(name_uuid "product $version")
# Two packages with other bytes must have other codes, or Windows takes the one for the other.
package=$(name_uuid "package $version $(cat kopilka-agent.exe kopilka-updater.exe page.url kopilka-agent.wxs LICENSE.txt config.example.yaml "$here/build.sh" | sha256sum) $epoch")
wixl -a x64 -D VERSION="$version" -D NUMBER="$number" -D PRODUCT="$product" -o till.msi kopilka-agent.wxs

# wixl writes no letters but English ones until it is told of others, no PATH, and does not know these actions.
printf '\r\n\r\n65001\t_ForceCodepage\r\n' >_ForceCodepage.idt
msibuild till.msi -i _ForceCodepage.idt
sql() { msibuild till.msi -q "$1"; }
sql "UPDATE File SET FileName = 'KOPILKA.URL|Копилка - касса.url' WHERE File = 'PageLink'"
sql "UPDATE Shortcut SET Name = 'KOPILKA|Копилка - касса' WHERE Shortcut = 'KioskLink'"
sql "UPDATE Feature SET Title = 'Касса', Attributes = 24 WHERE Feature = 'Till'"
sql "UPDATE Feature SET Title = 'Касса во весь экран', Description = 'Страница кассира открывается при входе в Windows', Attributes = 8 WHERE Feature = 'KioskPage'"
sql "UPDATE LaunchCondition SET Description = 'Нужна Windows 10 или новее, 64 бита. / Windows 10 or newer, 64 bit, is needed.' WHERE Description = 'windows'"
sql "UPDATE LaunchCondition SET Description = 'Установлена более новая версия. Чтобы поставить эту, сначала удалите её: данные останутся. / A newer version is installed. Remove it first: the data stay.' WHERE Description = 'newer'"
sql "UPDATE Property SET Value = 'OLDER;NEWER;HEADOFFICE;CODE' WHERE Property = 'SecureCustomProperties'"

# action NAME TYPE SOURCE TARGET SEQUENCE CONDITION. Types: 18 runs a file of ours, 34 a program in a folder; 1024 within
# the transaction, 2048 as the system, 64 whatever it returns, 256 only when all is undone, 8192 kept out of the log.
action() {
  [ "$2" = - ] || sql "INSERT INTO CustomAction (Action, Type, Source, Target) VALUES ('$1', $2, '$3', '$4')"
  sql "INSERT INTO InstallExecuteSequence (Action, Condition, Sequence) VALUES ('$1', '$6', $5)"
}
run=$((18 + 1024 + 2048)) going=64 undoing=256 secret=8192
putting='NOT (REMOVE="ALL")'
action KeepFolder 51 INSTALLDIR '[FORMERDIR]' 60 'FORMERDIR AND NOT INSTALLDIR'
# Before anything of the new version is put, and within the transaction: a failure brings the old one back.
action RemoveExistingProducts - - - 1501 ''
# Services are stopped by then. What is left are notice helpers, and Windows replaces no program that runs.
action EndHelpers $((34 + 1024 + 2048 + going)) PackagedDir '"[System64Folder]taskkill.exe" /F /IM kopilka-agent.exe' 1901 Installed
action Unregister $((run + going)) AgentExe 'service uninstall' 3201 'REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE'
action RegisterBack $((run + going + undoing)) AgentExe 'service uninstall' 4001 'NOT Installed AND NOT OLDER'
action Register $run AgentExe 'service install' 4002 "$putting"
action Adopt $((run + going)) UpdaterExe "adopt -version $version" 4003 "$putting"
action Enrol $((run + going + secret)) AgentExe 'enroll --yes "[HEADOFFICE]" "[CODE]"' 4004 "$putting AND HEADOFFICE <> \"none\" AND CODE <> \"none\""
action Start $((run + going)) AgentExe 'service start' 4005 "$putting"
sql "CREATE TABLE Environment (Environment CHAR(72) NOT NULL, Name CHAR(255) NOT NULL LOCALIZABLE, Value CHAR(255) LOCALIZABLE, Component_ CHAR(72) NOT NULL PRIMARY KEY Environment)"
sql "INSERT INTO Environment (Environment, Name, Value, Component_) VALUES ('Path', '=-*Path', '[~];[PackagedDir]', 'Agent')"
sql "INSERT INTO InstallExecuteSequence (Action, Sequence) VALUES ('RemoveEnvironmentStrings', 3300)"
sql "INSERT INTO InstallExecuteSequence (Action, Sequence) VALUES ('WriteEnvironmentStrings', 5200)"

made=$(date -u -d "@$epoch" '+%Y\/%m\/%d %H:%M:%S')
msiinfo export till.msi _SummaryInformation | sed -E "s/^(12|13)\t.*/\1\t$made\r/; s/^9\t.*/9\t{$package}\r/; s/^7\t.*/7\tx64;1049\r/" >_SummaryInformation.idt
msibuild till.msi -i _SummaryInformation.idt
mkdir -p "$(dirname "$out")"
cp till.msi "$out"
