#!/bin/sh
# fuzz.sh [TARGET] [TIME]: runs one fuzz target, or every one, for a time (30s) or a number of inputs (10000x) each.
# A crasher is written to testdata/fuzz beside the test: commit it with the fix.
set -eu
cd "$(dirname "$0")/.."
target=${1:-}
time=${2:-30s}
[ -n "$time" ] || time=30s

list=$(git grep --untracked -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' |
	sed -E 's|^(.*/)?[^/]*:func (Fuzz.*)$|./\1 \2|' | sort -u) || true
[ -z "$target" ] || list=$(printf '%s\n' "$list" | awk -v t="$target" '$2 == t')
if [ -z "$list" ]; then
	echo "fuzz: no target ${target:-named Fuzz...} in any test file" >&2
	exit 1
fi
printf '%s\n' "$list" | while read -r dir name; do
	echo "== fuzz $name in $dir for $time"
	"${GO:-go}" test -run='^$' -fuzz="^$name\$" -fuzztime="$time" -fuzzminimizetime=10s "$dir" </dev/null
done
