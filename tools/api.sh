#!/bin/sh
# api.sh BASE TOOL: the difference between the exported API of BASE and that of the working tree, in words.
set -eu
cd "$(dirname "$0")/.."
base=$1 tool=$2
module=$(sed -n 's/^module //p' go.mod)
here=$PWD

tmp=$(mktemp -d)
trap 'git worktree remove --force "$tmp/base" 2>/dev/null || true; rm -rf "$tmp"' EXIT INT TERM
git worktree add --quiet --detach "$tmp/base" "$base"
apidiff=$($tool -n apidiff)

(cd "$tmp/base" && "$apidiff" -m -w "$tmp/old" "$module")
(cd "$here" && "$apidiff" -m -w "$tmp/new" "$module")
"$apidiff" -m "$tmp/old" "$tmp/new"
