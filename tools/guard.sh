#!/bin/sh
# House rules that no linter knows. Looks at every file that git tracks or would track; prints what it finds and fails.
set -u
cd "$(dirname "$0")/.." || exit 1
git rev-parse --is-inside-work-tree >/dev/null || exit 1
bad=0

# refuse RULE COMMAND... fails when the command prints anything.
refuse() {
	rule=$1
	shift
	if found=$("$@") && [ -n "$found" ]; then
		printf 'guard: %s\n%s\n' "$rule" "$found" >&2
		bad=1
	fi
}

look() {
	git grep --untracked -nE "$@"
}

# Inside a synctest bubble a sleep is fake time and costs nothing; the line says so.
sleeps() {
	look 'time\.Sleep\(' -- '*_test.go' | grep -v synctest
}

gorilla() {
	look '"github.com/gorilla/websocket"' -- '*.go' ':!benchmarks/' ':!internal/engine/' ':!internal/wiretest/' ':!realtimetest/' ':!*_test.go'
}

hosts='registry[.]npmjs|proxy[.]golang|sum[.]golang|deb[.]debian|pypi[.]org'

refuse 'no time.Sleep in tests: wait for an event, or sleep inside testing/synctest and say so on the line' sleeps
refuse 'no skipped test: install what is missing, or fail and say how to get it' look '\.(Skip|Skipf|SkipNow)\(' -- '*_test.go'
refuse 'no skipped test: install what is missing, or fail and say how to get it' \
	look '(test|it|describe)\.(skip|todo)\(|skip: *(true|")' -- '*.mjs' '*.js' ':!*/node_modules/*'
refuse 'no path of one machine in a file that is kept' look '(^|[^A-Za-z0-9_.])/(work|root|home/[a-z]+|Users/[A-Za-z]+|tmp/bash)/' -- .
refuse 'no address of a package registry in a file that is kept' look "$hosts" -- .
refuse 'gorilla/websocket is imported by internal/engine, realtimetest, benchmarks and tests only' gorilla

# R60: how long a comparison takes tells how much of a secret was guessed. What internal/payload compares never leaves the process.
comparisons() {
	look 'bytes[.]Equal\(|([Ss]ecret|[Tt]oken|[Ss]ignature|[Pp]assword) (==|!=) [A-Za-z]' -- '*.go' ':!*_test.go' ':!internal/payload/' | grep -vE '[!=]= nil\b'
}
refuse 'compare secrets with hmac.Equal or crypto/subtle' comparisons

# minimum MODULE VERSION fails when go.mod requires an older one; a module that is not required is fine.
minimum() {
	have=$(awk -v m="$1" '$1 == m { print $2 } $1 == "require" && $2 == m { print $3 }' go.mod)
	[ -n "$have" ] || return 0
	if [ "$(printf '%s\n%s\n' "$2" "$have" | sort -V | head -n 1)" != "$2" ]; then
		echo "guard: $1 $have has known vulnerabilities: at least $2" >&2
		bad=1
	fi
}
minimum github.com/gorilla/websocket v1.5.3
minimum github.com/golang-jwt/jwt/v5 v5.3.1

exit $bad
