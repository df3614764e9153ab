#!/usr/bin/env bash
# Boots Debian's kernel in qemu, without KVM, with USB devices of software behind dummy_hcd: scanners in HID
# POS mode, scanners on CDC-ACM, a keyboard. In it run the drivers as compiled for a till, with libusb,
# hidraw and the serial library, over plugging, unplugging and replugging. Some 60 s on 2 cores.
#   VM_RUN=TestUSBReplug VM_KEEP=console.log .ci/vm.sh   one test, and the console kept
# Ends with 0 when all passed, 3 with "not run: …" where qemu or the kernel cannot be had, else with 1.
set -euo pipefail
cd "$(dirname "$0")/.."

not_run() { echo "not run: $*"; exit 3; }
for tool in qemu-system-x86_64 busybox cpio depmod modprobe ldd dpkg-deb; do
  command -v "$tool" >/dev/null || not_run "$tool is missing, see .ci/deps"
done
[ "$(uname -m)" = x86_64 ] || not_run "the virtual machine is x86-64"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# The kernel is taken apart, never installed; the package is kept between runs.
cache=${KOPILKA_TEST_LIB:-/usr/local/lib/kopilka-test}/vm
package=$(ls "$cache"/linux-image-*.deb 2>/dev/null | tail -n 1 || true)
[ -n "$package" ] || not_run "no kernel in $cache, see .ci/deps"
dpkg-deb -x "$package" "$work/kernel"
version=$(ls "$work/kernel/lib/modules")
depmod -b "$work/kernel" "$version"

# Modules in the order in which they go in.
root="$work/root"
mkdir -p "$root"/{bin,modules,proc,sys,dev,lib64}
for module in configfs libcomposite dummy_hcd usb_f_hid usb_f_acm usbhid hid-generic cdc-acm uhid evdev; do
  modprobe -d "$work/kernel" -S "$version" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
done | awk '!seen[$0]++' >"$work/files"
while read -r file; do
  cp "$file" "$root/modules/"
  basename "$file"
done <"$work/files" >"$root/modules/order"
echo 'dummy_hcd.ko num=4 is_high_speed=1' >"$root/modules/options"

# HID POS: page 8Ch; report 2: byte count, identifier of 3, data of 56, 2 of the maker's, the bit that more follows.
mkdir "$root/descriptors"
pos='\x05\x8c\x09\x02\xa1\x01\x09\x12\xa1\x02\x85\x02\x15\x00\x26\xff\x00\x75\x08\x95\x01\x05\x01\x09\x3b\x81\x02'
pos=$pos'\x95\x03\x05\x8c\x09\xfb\x09\xfc\x09\xfd\x81\x02\x95\x38\x09\xfe\x82\x02\x01\x95\x02\x06\x66\xff\x09\x04\x09\x00\x81\x02'
pos=$pos'\x05\x8c\x25\x01\x75\x01\x95\x01\x09\xff\x81\x02\x95\x07\x81\x03\xc0\xc0'
keyboard='\x05\x01\x09\x06\xa1\x01\x05\x07\x19\xe0\x29\xe7\x15\x00\x25\x01\x75\x01\x95\x08\x81\x02\x95\x01\x75\x08\x81\x03'
keyboard=$keyboard'\x95\x06\x75\x08\x15\x00\x25\x65\x05\x07\x19\x00\x29\x65\x81\x00\xc0'
printf '%b' "$pos" >"$root/descriptors/pos"
printf '%b' "$keyboard" >"$root/descriptors/keyboard"

cp "$(command -v busybox)" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
cp .ci/vm/init "$root/init"
chmod +x "$root/init"
CGO_ENABLED=1 go test -c -tags vm -o "$root/usb.test" ./drivers/all
ldd "$root/usb.test" | awk '$2 == "=>" { print $3 } $1 ~ "^/" { print $1 }' | while read -r lib; do
  mkdir -p "$root/$(dirname "$lib")"
  cp -L "$lib" "$root/$lib"
done
echo "${VM_RUN:-.}" >"$root/run-only"
(cd "$root" && find . | cpio --quiet -o -H newc) | gzip -1 >"$work/initrd"

log="$work/console"
status=0
timeout "${VM_SECONDS:-600}" qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -smp 2 -m 512 -nographic -no-reboot -nodefaults \
  -serial "file:$log" -serial null -kernel "$work/kernel/boot/vmlinuz-$version" -initrd "$work/initrd" \
  -append "console=ttyS0 quiet loglevel=1 panic=-1" </dev/null || status=$?
[ -z "${VM_KEEP:-}" ] || cp "$log" "$VM_KEEP"
# The firmware's screen codes stand on the line of the kernel's greeting.
sed -i -e 's/\r//g' -e 's/\x1b\[[0-9;?]*[A-Za-z]//g' -e 's/\x1bc//g' "$log"
grep -E '^ *(---|===|kernel|kopilka|FAIL|PASS|ok|panic|no module|[a-z_]+(_test)?\.go:| )' | grep -v '^=== ' <"$log" || true
[ "$status" -eq 0 ] || { tail -n 20 "$log"; echo "the virtual machine ended with $status"; exit 1; }
passed=$(grep -c -- '--- PASS' "$log" || true)
grep -q "kopilka-vm-status 0\$" "$log" && [ "$passed" -gt 0 ] || { echo "failed in the virtual machine"; exit 1; }
echo "$passed tests and cases passed on kernel $version with virtual USB devices"
