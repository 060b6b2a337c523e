# SPDX-License-Identifier: GPL-2.0-only
# conform.sh CPU LAB-OPTION... -- ARG...: the conformance suite with these arguments, in one boot of
# an emulated host. KVM is loaded beside it, for the rows about two hypervisors.
cpu=$1
shift
. "${srcdir:-.}/tests/lab/common.sh"
need "$cpu"
case $cpu in
intel) kvm=kvm-intel ;;
*) kvm=kvm-amd ;;
esac
options=
while [ "$1" != -- ]; do
	options="$options $1"
	shift
done
shift

# shellcheck disable=SC2086
"$vmmtrace" lab --cpu "$cpu" $options --timeout 1500 --module 'kvm enable_virt_at_load=0' \
	--module $kvm --add tests/conform/conform -- ./conform "$@" >"$dir/tap" 2>"$dir/err"
status=$?
grep -v '^1\.\.' "$dir/tap"
[ "$status" = 0 ] || sed 's/^/# /' "$dir/err"
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "the suite ran to its end" grep -qx "1\.\.$count" "$dir/tap"
plan
