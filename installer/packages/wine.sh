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
export WINEPREFIX="$folder/wine"
trap 'wineserver -k 2>/dev/null || true; wineserver -w 2>/dev/null || true' EXIT
work=$folder
. "$(dirname "$0")/../../.ci/wine-prefix"
timeout 120 wine "$@" </dev/null 2>"$folder/wine.log" | tr -d '\r'
