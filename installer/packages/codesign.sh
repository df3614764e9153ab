#!/bin/sh
# Signs Windows programs and packages in place (Authenticode) with the key that the build was given:
#   KOPILKA_CODE_CERT, KOPILKA_CODE_KEY   PEM files; KOPILKA_CODE_PASS: file with the key's passphrase, if it has one
#   KOPILKA_CODE_TSA                      address of a time stamp service; without one the signature ends with the certificate
# Without a key nothing is signed, and it says so.
set -eu
if [ -z "${KOPILKA_CODE_CERT:-}" ] || [ -z "${KOPILKA_CODE_KEY:-}" ]; then
	echo "not signed, no KOPILKA_CODE_CERT and KOPILKA_CODE_KEY: $*" >&2
	exit 0
fi
for file; do
	set -- sign -certs "$KOPILKA_CODE_CERT" -key "$KOPILKA_CODE_KEY" -h sha256 -n Kopilka -time "${SOURCE_DATE_EPOCH:?}"
	[ -z "${KOPILKA_CODE_PASS:-}" ] || set -- "$@" -readpass "$KOPILKA_CODE_PASS"
	[ -z "${KOPILKA_CODE_TSA:-}" ] || set -- "$@" -ts "$KOPILKA_CODE_TSA"
	rm -f "$file.signed"
	osslsigncode "$@" -in "$file" -out "$file.signed" >/dev/null
	mv "$file.signed" "$file"
done
