#!/usr/bin/env bash
# Runs a Windows program under wine and prints what it prints: wine.sh FOLDER PROGRAM ARGUMENTS…
# FOLDER keeps wine's prefix between calls; nothing of wine is left running.
set -euo pipefail
PATH="$PATH:/usr/lib/wine"
for tool in wine wineserver x86_64-w64-mingw32-gcc; do
  command -v "$tool" >/dev/null || { echo "wine.sh: $tool is missing: make deps" >&2; exit 2; }
done
folder=$1
shift
export WINEPREFIX="$folder/wine" WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml="
trap 'wineserver -k 2>/dev/null || true; wineserver -w 2>/dev/null || true' EXIT
if [ ! -d "$WINEPREFIX/drive_c/windows/system32" ]; then
  timeout 120 wineboot -i >"$folder/wineboot.log" 2>&1 || { cat "$folder/wineboot.log" >&2; exit 1; }
  timeout 60 winecfg -v win10 >/dev/null 2>&1
fi
# Go programs take their randomness from a library that wine 8 does not have; newer ones do.
library="$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll"
if [ ! -e "$library" ]; then
  cat >"$folder/random.c" <<'C'
#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE to, SIZE_T left) {
	while (left > 0) {
		ULONG now = left > 0x10000000 ? 0x10000000 : (ULONG)left;
		if (!RtlGenRandom(to, now)) return FALSE;
		to += now;
		left -= now;
	}
	return TRUE;
}
BOOL WINAPI DllMain(HINSTANCE self, DWORD why, LPVOID what) { return TRUE; }
C
  x86_64-w64-mingw32-gcc -O2 -shared -o "$library" "$folder/random.c" -ladvapi32
fi
timeout 120 wine "$@" </dev/null 2>"$folder/wine.log" | tr -d '\r'
