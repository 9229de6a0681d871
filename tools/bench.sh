#!/bin/sh
# bench.sh PATTERN COUNT PACKAGES TIME: runs benchmarks in the packages that have any, in the form that benchstat reads.
set -eu
pattern=${1:-.}
count=${2:-1}
packages=${3:-./...}
time=${4:-1s}
[ -n "$time" ] || time=1s
go=${GO:-go}

with=$("$go" list -f '{{$dir := .Dir}}{{range .TestGoFiles}}{{$dir}}/{{.}} {{end}}{{range .XTestGoFiles}}{{$dir}}/{{.}} {{end}}' "$packages" |
	xargs -n 1 grep -lE '^func Benchmark' | xargs -n 1 dirname | sort -u) || true
if [ -z "$with" ]; then
	echo "bench: no benchmark in $packages" >&2
	exit 1
fi
# shellcheck disable=SC2086 # one word a directory
exec "$go" test -run='^$' -bench="$pattern" -benchmem -benchtime="$time" -count="$count" -timeout=60m $with
