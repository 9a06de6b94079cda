# SPDX-License-Identifier: Apache-2.0
# SBN_CHECK_CFLAG(FLAG): adds FLAG to SBN_CFLAGS when the C compiler knows it.
# -Werror makes clang refuse what it would only warn of.
AC_DEFUN([SBN_CHECK_CFLAG], [
	AC_MSG_CHECKING([whether $CC accepts $1])
	sbn_saved_cflags=$CFLAGS
	CFLAGS="$CFLAGS -Werror $1"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes])
		AS_VAR_APPEND([SBN_CFLAGS], [" $1"])],
		[AC_MSG_RESULT([no])])
	CFLAGS=$sbn_saved_cflags
])
