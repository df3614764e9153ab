#!/bin/sh
# The version of this working tree as semver without build metadata: 1.3.0 on its tag v1.3.0, 1.3.1-dev.5 five commits
# later, 0.0.0-dev.871 where there is no tag; .dirty behind it where a tracked file is not as committed.
set -eu
cd "$(dirname "$0")/../.."
if ! git rev-parse --git-dir >/dev/null 2>&1; then
	echo "version.sh: no git here, so say which version this is: make packages VERSION=1.3.0" >&2
	exit 1
fi
tag=$(git describe --tags --abbrev=0 --match 'v[0-9]*.[0-9]*.[0-9]*' 2>/dev/null || true)
if [ -z "$tag" ]; then
	version=0.0.0-dev.$(git rev-list --count HEAD)
else
	since=$(git rev-list --count "$tag..HEAD")
	version=${tag#v}
	if [ "$since" -gt 0 ]; then
		core=${version%%-*}
		case $version in
		*-*) version=$version.dev.$since ;;                       # 1.3.0-rc.1.dev.5 comes before 1.3.0
		*) version=${core%.*}.$((${core##*.} + 1))-dev.$since ;;  # 1.3.1-dev.5 comes after 1.3.0
		esac
	fi
fi
if [ -z "$(git status --porcelain --untracked-files=no)" ]; then dirty=; else dirty=1; fi
case $dirty$version in
1*-*) version=$version.dirty ;;
1*) version=${version%.*}.$((${version##*.} + 1))-dev.0.dirty ;;
esac
echo "$version"
