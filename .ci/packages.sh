#!/usr/bin/env bash
# Builds all packages once, and once more for amd64 in another folder with an empty build cache, and compares: the same
# bytes. (arm64 and Windows are built once: four minutes are all there is.) Then looks into them. Leaves nothing.
#   .ci/packages.sh [DIST]   DIST keeps what was built
set -euo pipefail
cd "$(dirname "$0")/.."
began=$SECONDS

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
fail() { echo "packages: $*" >&2; exit 1; }
checks=0
same() { checks=$((checks + 1)); [ "$2" = "$3" ] || fail "$1: $2, want $3"; }

# copy FOLDER: the sources as they are here.
copy() {
  mkdir -p "$1"
  { git ls-files -z; git ls-files -z --others --exclude-standard; } | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done |
    tar --null -T - -cf - | tar -xf - -C "$1"
}
export VERSION=1.2.3-rc.1 BUILD=0123456789ab
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
copy "$work/one"
cp -r "$work/one" "$work/another folder, копия"
dist=${1:-$work/dist}
TOOLS=$work/tools DIST=$dist bash "$work/one/installer/packages/build.sh"
GOCACHE=$work/cache TOOLS=$work/tools DIST="$work/again" PACKAGES_FOR=linux-amd64 bash "$work/another folder, копия/installer/packages/build.sh"
compared=0
while read -r sum file; do
  [ "$file" != release.json ] || continue # it names all systems
  same "$file of the second build" "$sum" "$(sha256sum "$dist/$file" | cut -d' ' -f1)"
  compared=$((compared + 1))
done <"$work/again/SHA256SUMS"
[ "$compared" -ge 10 ] || fail "only $compared files were compared"

(cd "$dist" && sha256sum --quiet -c SHA256SUMS)
same "files not in SHA256SUMS" "$(cd "$dist" && find . -type f ! -name SHA256SUMS | wc -l)" "$(wc -l <"$dist/SHA256SUMS")"

# on_machine: what lies on this machine where the packages would put their files. Looking into them must not change it.
on_machine() {
  for deb in "$dist"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -tf - | sed -n 's|^\.\?\(/.*[^/]\)$|\1|p'; done | sort -u >"$work/places"
  [ "$(wc -l <"$work/places")" -ge 30 ] || fail "only $(wc -l <"$work/places") places in the packages"
  xargs -d '\n' stat -c '%n %i %Z' <"$work/places" 2>/dev/null || true
}
before=$(on_machine)

# What is in the packages, with modes and links; every file for Linux is in one.
want_agent='-rw-r--r-- /etc/xdg/autostart/kopilka-notify.desktop
lrwxrwxrwx /usr/bin/kopilka-agent -> ../lib/kopilka/current/kopilka-agent
lrwxrwxrwx /usr/bin/kopilka-updater -> ../lib/kopilka/kopilka-updater
-rwxr-xr-x /usr/lib/kopilka/kopilka-updater
-rwxr-xr-x /usr/lib/kopilka/packaged/kopilka-agent
-rw-r--r-- /usr/lib/sysusers.d/kopilka.conf
-rw-r--r-- /usr/lib/udev/rules.d/60-kopilka.rules'
want_cloud='-rw-r--r-- /etc/kopilka-cloud/config.yaml
-rwxr-xr-x /usr/bin/kopilka-cloud
-rw-r--r-- /usr/lib/sysusers.d/kopilka-cloud.conf
-rw-r--r-- /usr/lib/tmpfiles.d/kopilka-cloud.conf'
listed() { (cd "$1" && find . ! -type d -printf '%M %p -> %l\n' | sed -e 's| \./| /|' -e 's| -> $||' | grep -v -e /usr/share/doc/ -e /usr/lib/systemd/ | sort -k2); }
looked=0
for arch in amd64 arm64; do
  for name in kopilka-agent kopilka-cloud; do
    deb=$dist/${name}_1.2.3~rc.1_$arch.deb
    rpm=$(echo "$dist/$name"-1.2.3~rc.1-1.*.rpm | tr ' ' '\n' | grep "$([ $arch = amd64 ] && echo x86_64 || echo aarch64)")
    rm -rf "$work/deb" "$work/rpm"
    dpkg-deb -x "$deb" "$work/deb"
    mkdir "$work/rpm"
    (cd "$work/rpm" && rpm2cpio "$rpm" | cpio -idm --quiet --no-absolute-filenames 2>/dev/null) || true # Debian's rpm2cpio ends with 1 after all of it; the comparison tells
    diff -r --no-dereference "$work/deb" "$work/rpm" || fail "deb and rpm of $name differ"
    if [ $name = kopilka-agent ]; then want=$want_agent from=linux; else want=$want_cloud from=headoffice; fi
    same "$name $arch holds" "$(listed "$work/deb")" "$(sort -k2 <<<"$want")"
    find "$work/deb" -type f ! -path '*/doc/*' -exec sha256sum {} + | cut -d' ' -f1 >"$work/sums"
    for file in installer/$from/*; do
      case $file in */kopilka-kiosk.desktop) continue ;; # the command kiosk install writes it
        */README.md | */Dockerfile | */compose.yaml | */container.yaml) continue ;; esac
      grep -q "$(sha256sum <"$work/one/$file" | cut -d' ' -f1)" "$work/sums" || fail "$file is not in $name"
    done
    same "owner of $name $arch" "$(dpkg-deb -c "$deb" | awk '$2 != "root/root"' | wc -l)" 0
    for doc in copyright licences.txt CHANGELOG.md sbom.cdx.json; do [ -s "$work/deb/usr/share/doc/$name/$doc" ] || fail "no $doc in $name"; done
    sbom=$work/deb/usr/share/doc/$name/sbom.cdx.json
    program=$(find "$work/deb/usr" -type f -name "$name" -perm 755)
    # Every module that the linker put in is in the bill, and the bill has neither a serial number nor a time.
    go version -m "$program" | awk '$1 == "dep" { print "pkg:golang/" $2 "@" $3 }' | while read -r module; do
      grep -qiF "$module" "$sbom" || fail "$module is not in the bill of $name"
    done
    grep -q '"pkg:golang/std@' "$sbom" || fail "Go's own library is not in the bill of $name"
    ! grep -q -e serialNumber -e '"timestamp"' "$sbom" || fail "the bill of $name changes with each build"
    same "version in the bill of $name" "$(grep -c '"version": "v1.2.3-rc.1"' "$sbom")" 1
    glibc=$(objdump -T "$program" 2>/dev/null | grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -n 1 || true)
    [ $name = kopilka-cloud ] || [ -n "$glibc" ] || [ $arch = arm64 ] || fail "$program does not use the C library: HID is not in it"
    [ -z "$glibc" ] || same "newest glibc of $name" "$(printf '%s\n' "${glibc#GLIBC_}" 2.34 | sort -V | tail -n 1)" 2.34
    looked=$((looked + 1))
  done
done
msi=$dist/kopilka-agent-1.2.3-rc.1-x64.msi
[ -s "$msi" ] || fail "no $msi"
same "product version of the MSI" "$(msiinfo export "$msi" Property | tr -d '\r' | awk -F '\t' '$1 == "ProductVersion" { print $2 }')" 1.2.3
mkdir "$work/msi"
msiextract -C "$work/msi" "$msi" >/dev/null
for name in kopilka-agent kopilka-updater; do
  same "$name.exe in the MSI" "$(find "$work/msi" -name $name.exe -exec sha256sum {} + | cut -d' ' -f1)" "$(sha256sum <"$dist/programs/windows-amd64/$name.exe" | cut -d' ' -f1)"
done
same "programs in release.json" "$(grep -c '"sha256"' "$dist/release.json")" 3

same "this machine's own files" "$(on_machine)" "$before"

# A program without the C library for HID must be refused, and what is no version.
echo '{"version":"1.2.3-rc.1","os":"linux","arch":"amd64","hid":false,"ledger":{"writes":1,"reads":1}}' >"$work/no-hid.json"
! go run ./installer/packages/cmd/kopilka-release -dist "$work/again" -version 1.2.3-rc.1 "$work/no-hid.json" 2>"$work/said" || fail "a program without HID was let through"
grep -q HID "$work/said" || fail "said of a program without HID: $(cat "$work/said")"
! VERSION=1.2.3+meta DIST=$work/none bash "$work/one/installer/packages/build.sh" 2>"$work/said" || fail "build metadata was let through"
grep -q 'is no version' "$work/said" || fail "said of build metadata: $(cat "$work/said")"
echo "$compared files the same in two builds, $looked pairs of deb and rpm and an MSI in order ($checks comparisons), HID in all of 3 agents, $((SECONDS - began)) s"
