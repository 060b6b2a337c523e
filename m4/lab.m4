dnl SPDX-License-Identifier: GPL-2.0-only
dnl lab-init, process 1 of the emulated hosts, is a static program for x86-64.
AC_DEFUN([VMMT_LAB], [
AC_MSG_CHECKING([for emulated hosts: static x86-64 programs])
lab_save_LDFLAGS=$LDFLAGS
LDFLAGS="$LDFLAGS -static"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <sys/io.h>
#ifndef __x86_64__
#error not x86-64
#endif
]], [[return ioperm(0, 1, 1);]])], [lab_why=on], [lab_why="off: no static C library (libc6-dev) for x86-64"])
LDFLAGS=$lab_save_LDFLAGS
AC_MSG_RESULT([$lab_why])
AM_CONDITIONAL([BUILD_LAB], [test "$lab_why" = on])
AS_IF([test "$lab_why" = on], [AC_DEFINE([HAVE_LAB], [1], [vmmtrace lab is built])])
])
