#!/usr/bin/env bash
# Builds the programs and everything that is installed from a file, into dist/. `make packages` calls it.
#   VERSION=1.3.0            else by git (version.sh)
#   PACKAGES_FOR="linux-amd64 windows-amd64"   else linux-amd64, linux-arm64 and windows-amd64
#   DIST=folder              else dist/; TOOLS=folder keeps the packagers between builds
#   KOPILKA_PGP_KEY          armoured private key that signs deb, rpm and SHA256SUMS (NFPM_PASSPHRASE: its passphrase)
#   KOPILKA_CODE_CERT, KOPILKA_CODE_KEY   what signs Windows programs, see codesign.sh
#   KOPILKA_NOTES_RU, KOPILKA_NOTES_EN    a sentence on what is new, for release.json
# The same sources, version and SOURCE_DATE_EPOCH give the same bytes in any folder, as long as no key is given.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=installer/packages

fail() { echo "packages: $*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || fail "$1 is missing: make deps"; }

systems=${PACKAGES_FOR:-linux-amd64 linux-arm64 windows-amd64}
VERSION=${VERSION:-$(sh $here/version.sh)}
if git rev-parse --git-dir >/dev/null 2>&1; then
  SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
  BUILD=${BUILD:-$(git rev-parse --short=12 HEAD)}
fi
[ -n "${SOURCE_DATE_EPOCH:-}" ] || fail "no git here, so say when this was made: SOURCE_DATE_EPOCH=1764000000"
[[ $VERSION =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fail "$VERSION is no version such as 1.3.0 or 1.3.0-rc.1: make packages VERSION=1.3.0"
export VERSION SOURCE_DATE_EPOCH LC_ALL=C.UTF-8 TZ=UTC
umask 022

dist=$(realpath -m "${DIST:-dist}")
work=$(mktemp -d)
leave() {
  [ ! -d "$work/gnupg" ] || GNUPGHOME=$work/gnupg gpgconf --kill all || true
  rm -rf "$work"
  bash $here/msi/resources.sh clean
}
trap leave EXIT
trap 'exit 130' INT TERM
rm -rf "$dist"
tools=${TOOLS:-$work/tools}
mkdir -p "$dist/programs" "$dist/sbom" "$tools"

tool() { [ -x "$tools/$1" ] || go build -modfile=tools.mod -o "$tools/$1" "$2"; }
tool nfpm github.com/goreleaser/nfpm/v2/cmd/nfpm
tool cyclonedx-gomod github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

# build SYSTEM C-COMPILER PACKAGE: a C compiler of - is none.
build() {
  local system=$1 compiler=$2 package=$3 name out cgo=1
  name=$(basename "$package")
  out=$dist/programs/$system/$name
  case $system in windows-*) out=$out.exe ;; esac
  if [ "$compiler" = - ]; then cgo=0 compiler=false; else need "$compiler"; fi
  mkdir -p "$(dirname "$out")"
  GOOS=${system%-*} GOARCH=${system#*-} CGO_ENABLED=$cgo CC=$compiler CGO_CFLAGS='-O2 -g0' \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION -X main.build=${BUILD:-}" -o "$out" "$package"
}

compiler() {
  case $1 in
    "linux-$(go env GOHOSTARCH)") echo gcc ;;
    linux-amd64) echo x86_64-linux-gnu-gcc ;;
    linux-arm64) echo aarch64-linux-gnu-gcc ;;
    windows-amd64) echo x86_64-w64-mingw32-gcc ;;
    *) fail "no packages for $1" ;;
  esac
}

programs() {
  local system=$1
  case $system in windows-*) bash $here/msi/resources.sh "$VERSION" ;; esac
  build "$system" "$(compiler "$system")" ./agent/cmd/kopilka-agent
  build "$system" - ./installer/cmd/kopilka-updater
  bash $here/msi/resources.sh clean
  case $system in linux-*) build "$system" - ./cloud/cmd/kopilka-cloud ;; esac
}

# answers SYSTEM PROGRAM ARGUMENTS…: runs a program of another system too.
answers() {
  local system=$1
  shift
  case $system in
    "linux-$(go env GOHOSTARCH)") "$@" ;;
    linux-arm64) need qemu-aarch64-static; qemu-aarch64-static -L /usr/aarch64-linux-gnu "$@" ;;
    windows-*) bash $here/wine.sh "$work" "$@" ;;
    *) fail "cannot run programs for $system here" ;;
  esac
}

# licences PROGRAM: the licences of every module in it and of Go.
licences() {
  echo "Kopilka is made with the modules below. Each stands under its own licence."
  { go version -m "$1" | awk '$1 == "dep" { print $2 "@" $3 }'; echo go; } | sort -u | while read -r module; do
    local folder
    if [ "$module" = go ]; then folder=$(go env GOROOT); else folder=$(go list -m -f '{{.Dir}}' "${module%@*}"); fi
    printf '\n======== %s\n' "$module"
    find "$folder" -maxdepth 2 -type f \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' -o -iname 'authors*' \) \
      -not -iname '*.go' -not -path '*/testdata/*' | sort | while read -r file; do printf '\n'; cat "$file"; done
  done
}

# describe SYSTEM: what is in each program, and for the agent what it says of itself.
describe() {
  local system=$1 program name
  for program in "$dist/programs/$system"/*; do
    name=$(basename "$program" .exe)
    "$tools/cyclonedx-gomod" bin -json -noserial -notimestamp -std -version "v$VERSION" \
      -output "$dist/sbom/$name-$system.cdx.json" "$program" 2>"$work/cdx.log" || { cat "$work/cdx.log" >&2; fail "no bill of materials for $program"; }
    licences "$program" >"$work/licences-$name-$system"
  done
  program=$dist/programs/$system/kopilka-agent
  [ -e "$program" ] || program=$program.exe
  answers "$system" "$program" version -json >"$work/about-$system.json" || fail "$program does not run"
}

# package NAME ARCH: deb and rpm.
package() {
  local name=$1 packager
  for packager in deb rpm; do
    env ARCH="$2" SYSTEM="linux-$2" DIST_DIR="$dist" WORK_DIR="$work" KOPILKA_PGP_KEY="${KOPILKA_PGP_KEY:-}" \
      "$tools/nfpm" package -f "$here/$name.yaml" -p "$packager" -t "$dist/" >/dev/null
  done
}

for system in $systems; do
  programs "$system"
  describe "$system"
done
# Said of the unsigned bytes above; what is signed is what is handed out.
for file in "$dist"/programs/windows-*/*.exe; do
  [ ! -e "$file" ] || sh $here/codesign.sh "$file"
done
for system in $systems; do
  case $system in
    linux-*)
      package kopilka-agent "${system#*-}"
      package kopilka-cloud "${system#*-}"
      ;;
    windows-*)
      msi=$dist/kopilka-agent-$VERSION-x64.msi
      bash $here/msi/build.sh "$VERSION" "$dist/programs/$system" "$msi"
      sh $here/codesign.sh "$msi"
      ;;
  esac
done
go run ./$here/cmd/kopilka-release -dist "$dist" -version "$VERSION" "$work"/about-*.json
(cd "$dist" && find . -type f ! -name 'SHA256SUMS*' -printf '%P\0' | sort -z | xargs -0 sha256sum >SHA256SUMS)
if [ -n "${KOPILKA_PGP_KEY:-}" ]; then
  mkdir -m 700 "$work/gnupg"
  export GNUPGHOME="$work/gnupg"
  gpg --batch --quiet --import "$KOPILKA_PGP_KEY"
  gpg --batch --quiet --yes --pinentry-mode loopback --passphrase "${NFPM_PASSPHRASE:-}" --armor --detach-sign "$dist/SHA256SUMS"
fi
echo "kopilka $VERSION for $systems: $(find "$dist" -maxdepth 1 -name 'kopilka-*' | wc -l) packages in $dist"
