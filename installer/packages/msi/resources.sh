#!/usr/bin/env bash
# Puts what Windows shows of the programs (version, maker, manifest) beside their sources, where `go build` for Windows
# takes it from, and takes it away again:  resources.sh VERSION … go build …; resources.sh clean
# The same version gives the same bytes. Wants x86_64-w64-mingw32-windres.
set -euo pipefail
[ $# -eq 1 ] || { echo "want: resources.sh VERSION | clean" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../../.." && pwd)
folders=("$root/agent/cmd/kopilka-agent" "$root/installer/cmd/kopilka-updater")
object=resources_windows_amd64.syso # built into programs of that system alone
if [ "$1" = clean ]; then
  for folder in "${folders[@]}"; do rm -f "$folder/$object"; done
  exit
fi
version=$1 number=${1%%[-+]*}
[[ $number =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "resources.sh: $version does not begin with three numbers such as 1.3.0" >&2; exit 2; }
windres=x86_64-w64-mingw32-windres
command -v "$windres" >/dev/null || { echo "resources.sh: $windres is missing: make deps" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/manifest.xml" <<'X'
<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3"><security><requestedPrivileges>
    <requestedExecutionLevel level="asInvoker" uiAccess="false"/>
  </requestedPrivileges></security></trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1"><application>
    <supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>
  </application></compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3"><windowsSettings>
    <longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">true</longPathAware>
  </windowsSettings></application>
</assembly>
X

describe() { # FOLDER WHAT
  cat >"$work/resources.rc" <<X
#pragma code_page(65001)
1 24 "manifest.xml"
1 VERSIONINFO
FILEVERSION ${number//./,},0
PRODUCTVERSION ${number//./,},0
FILEOS 0x40004L
FILETYPE 0x1L
BEGIN
  BLOCK "StringFileInfo"
  BEGIN
    BLOCK "040904B0"
    BEGIN
      VALUE "CompanyName", "Kopilka"
      VALUE "FileDescription", "$2"
      VALUE "FileVersion", "$version"
      VALUE "InternalName", "$(basename "$1")"
      VALUE "OriginalFilename", "$(basename "$1").exe"
      VALUE "ProductName", "Kopilka"
      VALUE "ProductVersion", "$version"
    END
  END
  BLOCK "VarFileInfo"
  BEGIN
    VALUE "Translation", 0x0409, 1200
  END
END
X
  (cd "$work" && "$windres" -F pe-x86-64 -i resources.rc -o resources.syso)
  mv "$work/resources.syso" "$1/$object"
}
describe "${folders[0]}" "Kopilka till agent"
describe "${folders[1]}" "Kopilka updater"
