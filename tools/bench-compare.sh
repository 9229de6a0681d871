#!/bin/sh
# bench-compare.sh BASE PATTERN COUNT PACKAGES TIME TOOL: benchmarks of BASE and of the working tree, one run of each in turn,
# so that whatever else the machine does falls on both alike; benchstat prints the difference.
set -eu
cd "$(dirname "$0")/.."
base=$1 pattern=$2 count=$3 packages=$4 time=$5 tool=$6

tmp=$(mktemp -d)
trap 'git worktree remove --force "$tmp/base" 2>/dev/null || true; rm -rf "$tmp"' EXIT INT TERM
git worktree add --quiet --detach "$tmp/base" "$base"

i=0
while [ "$i" -lt "$count" ]; do
	i=$((i + 1))
	echo "bench-compare: run $i of $count" >&2
	(cd "$tmp/base" && "$OLDPWD/tools/bench.sh" "$pattern" 1 "$packages" "$time") >>"$tmp/base.txt"
	tools/bench.sh "$pattern" 1 "$packages" "$time" >>"$tmp/worktree.txt"
done
$tool benchstat "$base=$tmp/base.txt" "worktree=$tmp/worktree.txt"
