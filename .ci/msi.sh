#!/usr/bin/env bash
# The Windows package under wine, as store IT meets it: installed silently with an enrolment code into a folder with
# blanks and Cyrillic, a sale through a register over TCP that head office hears of, upgraded by its package, updated by
# head office between customers, back by itself from a version that dies, removed.
# Wants wine64, mingw, wixl, msitools, osslsigncode, curl. Leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/lib/wine"
for tool in wine wineserver x86_64-w64-mingw32-gcc wixl msibuild osslsigncode openssl curl go; do
  command -v "$tool" >/dev/null || { echo "msi.sh: $tool is missing: make deps" >&2; exit 2; }
done
export LC_ALL=C.UTF-8 SOURCE_DATE_EPOCH=1764000000
work=$(mktemp -d "${TMPDIR:-/tmp}/kopilka-msi.XXXXXX")
export WINEPREFIX="$work/prefix"
children=()
leave() {
  local status=$?
  if [ "$status" -ne 0 ]; then
    for log in "$WINEPREFIX/drive_c/ProgramData/Kopilka/kopilka-agent.log" "$WINEPREFIX/drive_c/ProgramData/Kopilka-Updater/kopilka-updater.log" "$work"/*.log; do
      [ ! -s "$log" ] || { echo "== $log"; tail -n 40 "$log"; }
    done >&2
  fi
  wineserver -k 2>/dev/null || true
  wineserver -w 2>/dev/null || true
  [ "${#children[@]}" -eq 0 ] || kill "${children[@]}" 2>/dev/null || true
  wait || true
  rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM
fail() { echo "msi.sh: $*" >&2; exit 1; }
say() { printf '%4d s  %s\n' $SECONDS "$*"; }
. .ci/shop
. .ci/wine-prefix

# --- programs and packages ---

older=1.1.0 newer=1.2.0 updated=1.3.0 broken=1.4.0
for version in $older $newer $updated; do
  GOOS=windows GOARCH=amd64 CGO_ENABLED=1 CC=x86_64-w64-mingw32-gcc CGO_CFLAGS='-O2 -g0' \
    go build -overlay "$work/overlay.json" -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$version" -o "$work/$version/" ./agent/cmd/kopilka-agent ./installer/cmd/kopilka-updater
done
build_dying $broken windows amd64 "$work/$broken/kopilka-agent.exe"
for version in $updated $broken; do release $version windows amd64 "$work/$version/kopilka-agent.exe"; done
go build -o "$work/bin/" ./cloud/cmd/kopilka-cloud ./drivers/cmd/kopilka-emulator
package() { bash installer/packages/msi/build.sh "$1" "$work/$2" "$work/$3"; }
package $older $older a.msi
package $older $older again.msi
package $newer $newer b.msi
say "packages are built, the same bytes twice"

# signed: with a key of our own, as a build with a bought one signs; another byte, and it is refused.
signed() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=Kopilka test' -addext extendedKeyUsage=codeSigning \
    -keyout "$work/code.key" -out "$work/code.crt" 2>/dev/null
  KOPILKA_CODE_CERT=$work/code.crt KOPILKA_CODE_KEY=$work/code.key sh installer/packages/codesign.sh "$work/again.msi"
  osslsigncode verify -CAfile "$work/code.crt" -in "$work/again.msi" >"$work/verify.log" 2>&1 || fail "the signed package is refused"
  printf 'X' | dd of="$work/again.msi" bs=1 seek=1000000 conv=notrunc 2>/dev/null
  ! osslsigncode verify -CAfile "$work/code.crt" -in "$work/again.msi" >"$work/verify.log" 2>&1 || fail "a package with another byte is taken"
  ! osslsigncode verify -CAfile "$work/code.crt" -in "$work/a.msi" >"$work/verify.log" 2>&1 || fail "an unsigned package is taken"
}
signed

# --- head office, a register, Windows ---

# free_port: one that nobody listens at. It is free for longer than this script needs to take it.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); do
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
  done
}
office_port=$(free_port) page_port=$(free_port) register_port=$(free_port) emulator_port=$(free_port)
office=http://127.0.0.1:$office_port till=http://127.0.0.1:$page_port

goods_json >"$work/shop.json"
register_yaml "127.0.0.1:$emulator_port" "127.0.0.1:$register_port" "$work/register" >"$work/emulator.yaml"
"$work/bin/kopilka-cloud" init -data "$work/cloud" -name 'ООО «Ромашка»' -login admin >"$work/init.log"
"$work/bin/kopilka-cloud" seed -data "$work/cloud" -file "$work/shop.json" >"$work/seed.log"
"$work/bin/kopilka-cloud" updates init -data "$work/cloud" -keys "$work/keys" >"$work/updates.log"
"$work/bin/kopilka-cloud" serve -data "$work/cloud" -listen "127.0.0.1:$office_port" >"$work/cloud.log" 2>&1 &
children+=($!)
"$work/bin/kopilka-emulator" -config "$work/emulator.yaml" >"$work/emulator.log" 2>&1 &
children+=($!)
until_true 30 curl -sf "$office/healthz"

wine cmd /c "ping -n 900 127.0.0.1 >NUL" >/dev/null 2>&1 & # without a program that stays, wine ends all services
children+=($!)
drive=$WINEPREFIX/drive_c
mkdir -p "$drive/пакеты" "$drive/ProgramData/Kopilka"
cp "$work"/[ab].msi "$drive/пакеты/"
# Store IT hands the config out with the package; the ledger lies in a folder with blanks and Cyrillic.
config=$drive/ProgramData/Kopilka/config.yaml
cat >"$config" <<YAML
data: 'C:\Данные кассы'
page: 127.0.0.1:$page_port
register:
  type: shtrih-m
  port: tcp://127.0.0.1:$register_port
updates:
  quiet: 5s
YAML
config_sum=$(sha256sum "$config")
programs="$drive/Program Files/Копилка касса"
data="$drive/Данные кассы"

# --- what is asked of it ---

msi() { # msi LOG ARGUMENTS…
  local log=$1
  shift
  timeout 170 wine msiexec "$@" /qn /l*v "C:\\$log" >>"$work/msiexec.log" 2>&1 || fail "msiexec $* ended with $?"
}
registry() { wine reg query "$1" /v "$2" 2>/dev/null | tr -d '\r' | sed -n "s/^ *$2 *REG_[A-Z_]* *//p"; }
starts() { registry 'HKLM\System\CurrentControlSet\Services\Kopilka' ImagePath; }
service() { wine sc query "$1" 2>/dev/null | tr -d '\r' | seen "$2"; }
runs_version() { [ "$(curl -sf "$till/health" | grep -oE '"version":"[^"]*"' | cut -d'"' -f4)" = "$1" ]; }
stage() { curl -sf "$till/health" | seen "\"stage\":\"$1\""; }
order() {
  local try
  for try in $(seq 150); do
    if curl -sf -X POST -H 'X-Kopilka: 1' -d "$1" "$till/command" >/dev/null; then return; fi
    sleep 0.1
  done
  fail "the till refuses $1: $(curl -s -X POST -H 'X-Kopilka: 1' -d "$1" "$till/command")"
}
receipts() { { curl -sf "$till/receipts?q=" | grep -o '"total":8490' || true; } | wc -l; }
have_receipts() { [ "$(receipts)" -eq "$1" ]; }
sell() {
  local had
  had=$(receipts)
  order '{"do":"scan","code":"4601207000013"}'
  order '{"do":"pay","tenders":[{"kind":1,"amount":8490}],"given":10000}'
  until_true 30 have_receipts $((had + 1))
}
password=$(sed -n 's/^password.*: //p' "$work/init.log")
sales_at_office() { [ "$(shown "$office" admin "$password" | grep -c '84,90')" -ge "$1" ]; }

# --- the story ---

# A wrong code installs a till that says so; nothing is rolled back.
wrong=$("$work/bin/kopilka-cloud" enrol-code -data "$work/cloud" -store 1)
wrong=${wrong%?}$([ "${wrong: -1}" = 0 ] && echo 1 || echo 0)
msi wrong.log /i 'C:\пакеты\a.msi' 'INSTALLDIR=C:\Program Files\Копилка касса\' "HEADOFFICE=$office" "CODE=$wrong"
[ -s "$programs/packaged/kopilka-agent.exe" ] || fail "a refused code rolled the installation back"
grep -q 'kopilka-agent enroll' "$drive/ProgramData/Kopilka/kopilka-agent.log" || fail "the log does not say why it is not enrolled"
until_true 30 stage not-enrolled
service Kopilka RUNNING || fail "the service does not run"
say "a refused code: installed, the page says that it is not enrolled, the log says why"
msi remove.log /x 'C:\пакеты\a.msi'
! service Kopilka RUNNING || fail "the service is there after removal"

code=$("$work/bin/kopilka-cloud" enrol-code -data "$work/cloud" -store 1)
msi install.log /i 'C:\пакеты\a.msi' 'INSTALLDIR=C:\Program Files\Копилка касса\' "HEADOFFICE=$office" "CODE=$code"
until_true 30 runs_version $older
# wine's reg prints no Cyrillic. Unquoted, C:\Program.exe would be run.
[[ "$(starts)" == '"C:\Program Files\'*'\packaged\kopilka-agent.exe" run as-service' ]] || fail "the service starts $(starts)"
service KopilkaUpdater RUNNING || fail "the updater does not run"
registry 'HKLM\Software\Microsoft\Windows\CurrentVersion\Run' 'Kopilka notices' | seen -F 'packaged\kopilka-agent.exe" notify' || fail "no notice helper at logon"
registry 'HKLM\System\CurrentControlSet\Services\EventLog\Application\Kopilka' EventMessageFile | seen -i EventCreate || fail "no event source"
registry 'HKLM\System\CurrentControlSet\Control\Session Manager\Environment' PATH | seen -F '\packaged' || fail "not in PATH"
find "$drive" -name '*касса.url' | seen . || fail "no start-menu entry"
! find "$drive" -name '*касса.lnk' | seen . || fail "the kiosk is there without being asked for"
# wine logs hidden properties too; what can be seen here is that the package asks for it.
msiinfo export "$work/a.msi" Property | seen "^MsiHiddenProperties.*CODE" || fail "the code is not hidden"
msiinfo export "$work/a.msi" CustomAction | seen "^Enrol.11346" || fail "the command line with the code is not hidden"
order '{"do":"sign-in","pin":"1111"}'
order '{"do":"open-shift"}'
order '{"do":"clear"}'
sell
until_true 30 sales_at_office 1
first_sale=$SECONDS
[ -s "$data/identity.json" ] || fail "the ledger is not in the folder of the config"
say "installed silently, enrolled, sold; head office has the sale"

msi upgrade.log /i 'C:\пакеты\b.msi'
until_true 30 runs_version $newer
have_receipts 1 || fail "the upgrade lost receipts"
[ "$config_sum" = "$(sha256sum "$config")" ] || fail "the upgrade changed the config"
[ -e "$programs/packaged/kopilka-agent.exe" ] || fail "the upgrade left the folder that was chosen"
service KopilkaUpdater RUNNING || fail "the updater does not run after the upgrade"
order '{"do":"sign-in","pin":"1111"}'
sell
until_true 30 sales_at_office 2
say "upgraded: config, ledger and folder kept, sells"

# offer VERSION: head office offers it to everybody.
offer() {
  "$work/bin/kopilka-cloud" updates add -data "$work/cloud" -keys "$work/keys" "$work/$1/release.json" >>"$work/updates.log"
  "$work/bin/kopilka-cloud" updates plan -data "$work/cloud" "$1" -share 100% >>"$work/updates.log"
  wine "$programs/packaged/kopilka-agent.exe" updates check >>"$work/updates.log" 2>&1 || true
}
told() { cat "$drive/ProgramData/Kopilka-Updater/status.json"; }
wants() { grep -q "\"$1\"" "$data/updates/wanted.json"; }
kept() { told | seen '"code": "done"' && told | seen "\"version\": \"$1\""; }
refused() { told | seen "\"wanted\": \"$1\"" && told | seen '"stage": ""' && ! told | seen '"code": "done"' && ! runs_version "$1"; }
order '{"do":"scan","code":"4601207000013"}' # a customer at the counter: the update waits
offer $updated
until_true 300 wants $updated # some 25 MB, at the pace that leaves the line to selling
until_true 60 told
runs_version $newer || fail "an update came in the middle of a sale"
order '{"do":"clear"}'
until_true 120 runs_version $updated
order '{"do":"sign-in","pin":"1111"}'
sell
until_true 180 kept $updated
[[ "$(starts)" == *"\\versions\\$updated\\kopilka-agent.exe"* ]] || fail "the service starts $(starts)"
until_true 30 sales_at_office 3
say "updated between customers, healthy"
offer $broken
until_true 480 refused $broken
until_true 60 runs_version $updated
order '{"do":"sign-in","pin":"1111"}'
sell
until_true 30 sales_at_office 4
say "a version that dies at its start: back, sells"

msi uninstall.log /x 'C:\пакеты\b.msi'
! service Kopilka RUNNING || fail "the service is there after removal"
[ ! -e "$programs/packaged/kopilka-agent.exe" ] || fail "the program is there after removal"
[ ! -e "$programs/versions" ] || fail "versions of updates are there after removal"
[ -s "$data/identity.json" ] && [ -s "$config" ] || fail "removal took data"
! registry 'HKLM\Software\Microsoft\Windows\CurrentVersion\Run' 'Kopilka notices' | seen . || fail "the notice helper is there after removal"
echo "MSI under wine: installed and enrolled in silence, sold, upgraded, updated, gone back, removed with its data kept, in $SECONDS s"
