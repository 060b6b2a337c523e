# SPDX-License-Identifier: GPL-2.0-only
# What `make install` gives to those who write programs: headers that compile by themselves, a library
# with exactly the functions of its header, and pkg-config files that lead to both.
dir=$(mktemp -d "${TMPDIR:-/tmp}/vmmtrace-install.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
n=0

check() { # NAME COMMAND...
	name=$1
	shift
	n=$((n + 1))
	[ ! -f "$dir/out" ] || mv "$dir/out" "$dir/out.last"
	if "$@" >"$dir/out" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$dir/out" | tail -n 20
	fi
}

: "${MAKE:=make}" "${CC:=cc}"
unset MAKEFLAGS MFLAGS MAKELEVEL
if ! command -v pkg-config >/dev/null; then
	echo "1..0 # SKIP no pkg-config"
	exit 0
fi
if ! $MAKE -s install DESTDIR="$dir/root" >"$dir/log" 2>&1; then
	sed 's/^/# /' "$dir/log" | tail -n 20
	echo "Bail out! make install failed"
	exit 1
fi
pc=$(find "$dir/root" -name vmm.pc)
export PKG_CONFIG_SYSROOT_DIR="$dir/root" PKG_CONFIG_LIBDIR="${pc%/*}"
lib=$(dirname "${pc%/*}")
cflags="$(pkg-config --cflags vmm) -Wall -Wextra -Werror"

# compiles LANGUAGE HEADER...: the headers, included in this order and by nothing else.
compiles() {
	language=$1
	shift
	for header in "$@"; do echo "#include <$header>"; done >"$dir/in"
	# shellcheck disable=SC2086
	$CC $cflags -x "$language" -fsyntax-only "$dir/in"
}

for header in machine/vmmvar.h dev/vmm/vmm.h machine/specialreg.h machine/pte.h string.h \
	vmmtrace/vmm.h vmmtrace/vmm_stats.h vmmtrace/libvmm.h vmmtrace/record.h; do
	check "<$header> compiles alone" compiles c "$header"
done
check "they compile together" compiles c sys/types.h machine/specialreg.h machine/vmmvar.h \
	dev/vmm/vmm.h string.h vmmtrace/libvmm.h
if echo | $CC -x c++ -fsyntax-only - 2>/dev/null; then
	check "they compile as C++" compiles c++ machine/vmmvar.h machine/specialreg.h string.h \
		vmmtrace/libvmm.h
fi
# shellcheck disable=SC2086
check "a program of 32 bits is refused" sh -c '! "$@"' sh $CC $cflags -U__LP64__ -x c -fsyntax-only \
	-include vmmtrace/vmm.h /dev/null
check "and told why" grep -q "64-bit programs" "$dir/out.last"

cat >"$dir/old.c" <<'END'
#include <machine/vmmvar.h>
#include <string.h>
#include <sys/ioctl.h>
int main(void)
{
	struct vm_create_params vcp;
	vaddr_t va = 0;
	paddr_t pa = 0;
	size_t *n = &vcp.vcp_nmemranges;

	memset(&vcp, 0, sizeof(vcp));
	*n = strlcpy(vcp.vcp_name, "old", sizeof(vcp.vcp_name));
	return ioctl(-1, VMM_IOC_CREATE, &vcp) != -1 || va || pa || *n != 3;
}
END
# shellcheck disable=SC2086
check "a program that includes only <machine/vmmvar.h> is compiled" \
	$CC $cflags "$dir/old.c" -o "$dir/old"
check "and runs" "$dir/old"

cat >"$dir/new.c" <<'END'
#include <stdio.h>
#include <vmmtrace/libvmm.h>
int main(void)
{
	struct vmm_version version;

	return vmm_open() != -2 && vmm_version(-1, &version) != -9;
}
END
# shellcheck disable=SC2046
check "a program is linked with libvmm" $CC $(pkg-config --cflags libvmm) "$dir/new.c" \
	$(pkg-config --libs libvmm) -o "$dir/new"
check "and finds it" env LD_LIBRARY_PATH="$lib" "$dir/new"
# shellcheck disable=SC2046
check "or statically" $CC $(pkg-config --cflags libvmm) "$dir/new.c" "$lib/libvmm.a" -o "$dir/new"
check "and needs nothing else then" "$dir/new"

# All functions that the header declares, as the compiler sees them.
echo '#include <vmmtrace/libvmm.h>' >"$dir/in"
# shellcheck disable=SC2086
$CC $cflags -E -x c "$dir/in" | awk '/^# [0-9]/ { ours = /libvmm\.h"/ } ours && !/^#/' | tr '\n' ' ' |
	grep -o 'vmm_[a-z_]* *(' | tr -d ' (' | sort -u >"$dir/declared"
nm -D --defined-only "$lib/libvmm.so.0" | sed -n 's/.* T \(.*\)@@LIBVMM_.*/\1/p' | sort >"$dir/exported"
check "libvmm.so exports the functions of libvmm.h, each with a version" \
	diff "$dir/declared" "$dir/exported"
check "there are some" [ -s "$dir/declared" ]
check "libvmm.so exports nothing else" sh -c '! nm -D --defined-only "$1" | grep -v " [TA] "' sh \
	"$lib/libvmm.so.0"

$MAKE -s uninstall DESTDIR="$dir/root" >"$dir/log" 2>&1
check "make uninstall leaves no file" sh -c '! find "$1" ! -type d | grep .' sh "$dir/root"
echo "1..$n"
