#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Manual pages and --help tell the same: the verbs, and each verb's options.
# (-h and --help, which every verb takes, are told once, in vmmtrace.1.)
man=${srcdir:-.}/docs/man
dir=$(mktemp -d "${TMPDIR:-/tmp}/man-options.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT

n=0
result() {
	n=$((n + 1))
	echo "$1 $n - $2"
}

# "  -m, --memory SIZE   text" gives -m and --memory.
help_options() {
	./vmmtrace "$1" --help | sed -n 's/^ *\(-.*\)/\1/p' | sed 's/   *.*//' |
		tr -s ' ,' '\n' | grep '^-' | grep -vx -e -h -e --help | sort
}

# ".It Fl m , Fl -memory Ar SIZE" too.
man_options() {
	sed -n 's/^\.It Fl /Fl /p' "$1" | awk '{ for (i = 1; i < NF; i++) if ($i == "Fl") print "-" $(i + 1) }' |
		grep -vx -e -h -e --help | sort
}

same() {
	if diff "$dir/help" "$dir/man" >"$dir/diff"; then
		result ok "$1"
	else
		sed -e 's/^</# only in --help:/' -e 's/^>/# only in the manual page:/' "$dir/diff" |
			grep '^#'
		result "not ok" "$1"
	fi
}

verbs=$(./vmmtrace --help | sed -n 's/^  \([a-z]*\)  *.*/\1/p')
pages="$man/vmmtrace.1"
for verb in $verbs; do
	pages="$pages $man/vmmtrace-$verb.1"
done
pages="$pages $(ls "$man"/*.[2-8])"
set -- $verbs $pages
echo "1..$(($# + 1))"

echo "$verbs" | sort >"$dir/help"
sed -n 's/^\.It Cm \([a-z]*\)$/\1/p' "$man/vmmtrace.1" | sort >"$dir/man"
same "vmmtrace.1 has the verbs of vmmtrace --help"

for verb in $verbs; do
	help_options "$verb" >"$dir/help"
	man_options "$man/vmmtrace-$verb.1" >"$dir/man"
	same "vmmtrace-$verb.1 has the options of vmmtrace $verb --help"
done

for page in $pages; do
	name="${page##*/} is a manual page without faults"
	if [ ! -f "$page" ]; then
		result "not ok" "$name: there is none"
	elif ! command -v man >/dev/null; then
		result ok "$name # SKIP no man (Debian package man-db)"
	else
		warnings=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
		if [ -z "$warnings" ]; then
			result ok "$name"
		else
			echo "$warnings" | sed 's/^/# /'
			result "not ok" "$name"
		fi
	fi
done
