#!/bin/sh
# Runs under wine what differs on Windows: the ledger's file, the service and its definition.
# Wants wine64, gcc-mingw-w64-x86-64 and Go. Leaves no process and no folder behind.
#   WINE_FOLDER=dir   keeps the wine prefix there for the next run
#   WINE_PACKAGES=…   other packages than the usual ones
#   WINE_RUN=…        more flags of go test, as in WINE_RUN="-v -run Service"
set -eu
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/lib/wine"
for tool in wine wineserver x86_64-w64-mingw32-gcc go timeout; do
	command -v "$tool" >/dev/null || { echo "wine.sh: $tool is missing" >&2; exit 2; }
done

work=$(mktemp -d)
folder=${WINE_FOLDER:-$work}
mkdir -p "$folder"
export WINEPREFIX="$folder/prefix"
alive=
leave() {
	wineserver -k 2>/dev/null || true
	wineserver -w 2>/dev/null || true
	[ -z "$alive" ] || wait "$alive" 2>/dev/null || true
	rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM

. .ci/wine-prefix

# Without a program that stays, wine ends all services three seconds after the last one left.
wine cmd /c "ping -n 600 127.0.0.1 >NUL" >/dev/null 2>&1 &
alive=$!

export GOOS=windows GOARCH=amd64
status=0
# CGO_ENABLED=1 would build HID drivers too; what is tested here does not touch them.
export CGO_ENABLED=0
# shellcheck disable=SC2086 # lists of packages and flags
timeout 240 go test -overlay "$work/overlay.json" -count=1 ${WINE_RUN:-} -p 1 -timeout 200s -exec wine ${WINE_PACKAGES:-./ledger ./ledger/sale ./ledger/loyalty ./installer ./installer/slots} || status=$?
if [ -z "${WINE_PACKAGES:-}" ] && [ -d agent/cmd/kopilka-agent ]; then
	timeout 120 go test -overlay "$work/overlay.json" -count=1 -v -run 'Service|Logon' -timeout 100s -exec wine ./agent/cmd/kopilka-agent || status=$?
fi
exit $status
