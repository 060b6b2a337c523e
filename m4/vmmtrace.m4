dnl SPDX-License-Identifier: GPL-2.0-only
dnl What configure asks, one macro a question. Each optional part ends in an
dnl AM_CONDITIONAL and a line of the summary that says on, or off and why.

AC_DEFUN([VMMT_WARNINGS], [
WARN_CFLAGS="-Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wno-unused-parameter"
AC_SUBST([WARN_CFLAGS])
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])])
AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
])

dnl Tests of what reads texts of any kind are compiled with these, where they work.
AC_DEFUN([VMMT_SANITIZERS], [
AC_MSG_CHECKING([for sanitizers])
vmmt_save_CFLAGS=$CFLAGS
SANITIZE_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
CFLAGS="$CFLAGS $SANITIZE_CFLAGS"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [], [SANITIZE_CFLAGS=])
CFLAGS=$vmmt_save_CFLAGS
AC_MSG_RESULT([${SANITIZE_CFLAGS:-none}])
AC_SUBST([SANITIZE_CFLAGS])
])

AC_DEFUN([VMMT_LIBRARIES], [
PKG_CHECK_MODULES([JANSSON], [jansson >= 2.12])
PKG_CHECK_MODULES([ZLIB], [zlib])
AC_SEARCH_LIBS([pthread_create], [pthread])
PKG_CHECK_MODULES([ZYDIS], [zydis], [have_zydis=yes], [
	dnl Debian 12's package has no .pc file.
	AC_CHECK_HEADER([Zydis/Zydis.h], [have_zydis=yes], [have_zydis=no])
	ZYDIS_LIBS=-lZydis
])
AS_IF([test $have_zydis = yes], [AC_DEFINE([HAVE_ZYDIS], [1], [Zydis decodes guest instructions])
	zydis_why="on"],
	[ZYDIS_LIBS=; zydis_why="off: no Zydis (libzydis-dev); MMIO accesses end the guest"])
AM_CONDITIONAL([HAVE_ZYDIS], [test $have_zydis = yes])
PKG_CHECK_MODULES([CURSES], [ncurses], [have_curses=yes], [have_curses=no])
AS_IF([test $have_curses = yes], [AC_DEFINE([HAVE_CURSES], [1], [vmmtrace top has a live table])
	curses_why="on"], [curses_why="off: no ncurses (libncurses-dev); top --batch and --json work"])
PKG_CHECK_MODULES([CMOCKA], [cmocka], [have_cmocka=yes], [have_cmocka=no])
AM_CONDITIONAL([HAVE_CMOCKA], [test $have_cmocka = yes])
AS_IF([test $have_cmocka = yes], [cmocka_why="on"], [cmocka_why="off: no cmocka (libcmocka-dev)"])
])

dnl For fuzzers of our own parsers.
AC_DEFUN([VMMT_ASAN], [
ASAN_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
saved=$CFLAGS
CFLAGS="$CFLAGS $ASAN_CFLAGS"
AC_LINK_IFELSE([AC_LANG_PROGRAM()], [], [ASAN_CFLAGS=])
CFLAGS=$saved
AC_SUBST([ASAN_CFLAGS])
])

dnl The BPF programs need clang with the bpf target, bpftool (in /usr/sbin on
dnl Debian) for the skeleton, and libbpf.
AC_DEFUN([VMMT_BPF], [
AC_ARG_VAR([CLANG], [clang, for the BPF programs])
AC_ARG_VAR([BPFTOOL], [bpftool, for the BPF skeleton])
AC_PATH_PROG([CLANG], [clang])
AC_PATH_PROG([LLVM_STRIP], [llvm-strip], [], [$PATH:/usr/lib/llvm-14/bin:/usr/lib/llvm-19/bin])
AC_PATH_PROG([BPFTOOL], [bpftool], [], [$PATH:/usr/local/sbin:/usr/sbin:/sbin])
PKG_CHECK_MODULES([LIBBPF], [libbpf >= 1.0], [have_libbpf=yes], [have_libbpf=no])
bpf_why=on
AS_IF([test "x$have_libbpf" != xyes], [bpf_why="off: no libbpf (libbpf-dev)"],
      [test -z "$CLANG"], [bpf_why="off: no clang"],
      [test -z "$LLVM_STRIP"], [bpf_why="off: no llvm-strip (llvm)"],
      [test -z "$BPFTOOL"], [bpf_why="off: no bpftool"],
      [echo 'int f(void){return 0;}' | $CLANG -target bpf -c -x c -o /dev/null - 2>/dev/null || bpf_why="off: $CLANG has no bpf target"])
AM_CONDITIONAL([BUILD_BPF], [test "$bpf_why" = on])
AS_IF([test "$bpf_why" = on], [AC_DEFINE([HAVE_BPF], [1], [recording through BPF ring buffers is built])])
])

dnl --with-linux=DIR names the headers the module is built against. Without it:
dnl those of the running kernel, else the newest installed.
AC_DEFUN([VMMT_KMOD], [
AC_ARG_WITH([linux], [AS_HELP_STRING([--with-linux=DIR], [kernel headers to build vmm.ko against @<:@running kernel's, else newest installed@:>@])])
AC_ARG_VAR([KERNEL_CC], [compiler for the kernel module])
kmod_why=on
AS_CASE([$with_linux],
	[no], [kmod_why="off: --without-linux"; KDIR=],
	[yes|''], [
		KDIR=/lib/modules/`uname -r`/build
		AS_IF([test ! -f "$KDIR/Makefile"],
			[KDIR=`ls -d /usr/src/linux-headers-*-amd64 2>/dev/null | sort -V | tail -n 1`])
		AS_IF([test -z "$KDIR"], [kmod_why="off: no kernel headers (linux-headers-cloud-amd64)"])],
	[KDIR=$with_linux
	 AS_IF([test ! -f "$KDIR/Makefile"], [AC_MSG_ERROR([--with-linux=$KDIR: no Makefile there; name a directory of configured kernel headers])])])
AS_IF([test -n "$KDIR"], [KRELEASE=`sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' "$KDIR/include/generated/utsrelease.h" 2>/dev/null`
	AS_IF([test -z "$KRELEASE"], [kmod_why="off: $KDIR is not configured"])])
dnl The sources that the headers belong to, which may lie elsewhere: Kbuild knows.
KSRC=
AS_IF([test "$kmod_why" = on], [
	AS_MKDIR_P([conftest.kbuild])
	echo '$(info KSRC=$(abspath $(srctree)))' >conftest.kbuild/Kbuild
	KSRC=`env -u MAKEFLAGS make -s -C "$KDIR" M="$PWD/conftest.kbuild" 2>/dev/null | sed -n 's/^KSRC=//p' | head -n 1`
	rm -rf conftest.kbuild])
AC_SUBST([KSRC])
AM_CONDITIONAL([BUILD_MODEL], [test -f "$KSRC/arch/x86/include/asm/svm.h"])
AC_ARG_WITH([kmoddir], [AS_HELP_STRING([--with-kmoddir=DIR], [where make install puts vmm.ko @<:@/lib/modules/RELEASE/updates@:>@])])
kmoddir=$with_kmoddir
AS_CASE([$kmoddir], [yes|no|''], [kmoddir=/lib/modules/$KRELEASE/updates])
AC_SUBST([kmoddir])
AC_SUBST([KDIR])
AC_SUBST([KRELEASE])
AM_CONDITIONAL([BUILD_KMOD], [test "$kmod_why" = on])
])

AC_DEFUN([VMMT_UST], [
AC_ARG_WITH([lttng-ust], [AS_HELP_STRING([--without-lttng-ust], [leave the LTTng-UST provider out])])
ust_why="off: --without-lttng-ust"
AS_IF([test "x$with_lttng_ust" != xno], [
	PKG_CHECK_MODULES([UST], [lttng-ust >= 2.13], [ust_why=on], [ust_why="off: no LTTng-UST (liblttng-ust-dev)"])])
AM_CONDITIONAL([BUILD_UST], [test "$ust_why" = on])
AS_IF([test "$ust_why" = on], [AC_DEFINE([HAVE_UST], [1], [the LTTng-UST provider is built])])
])

AC_DEFUN([VMMT_SUMMARY], [
AS_IF([test "$kmod_why" = on], [kmod_why="on, for $KRELEASE"])
AC_MSG_NOTICE([
  vmmtrace $PACKAGE_VERSION
    kernel module vmm.ko    $kmod_why
    recording with BPF      $bpf_why
    LTTng-UST provider      $ust_why
    MMIO decoding (Zydis)   $zydis_why
    table of top (ncurses)  $curses_why
    unit tests (cmocka)     $cmocka_why
    prefix                  $prefix
])
])
