#!/bin/sh
# Checks what the tests need and names the remedy, because a test that is skipped for want of a program proves nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0

lacks() {
	echo "need: $1" >&2
	echo "      $2" >&2
	bad=1
}

# at_least HAVE WANT compares dotted versions.
at_least() {
	[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

want_go=$(sed -n 's/^go //p' go.mod)
if ! command -v "${GO:-go}" >/dev/null; then
	lacks "Go is missing" "install Go $want_go or newer from your system's packages or https://go.dev/dl"
else
	have=$("${GO:-go}" env GOVERSION)
	have=${have#go}
	at_least "${have%% *}" "$want_go" || lacks "Go $have is too old" "install Go $want_go or newer"
	if [ "$("${GO:-go}" env CGO_ENABLED)" != 1 ] || ! command -v "$("${GO:-go}" env CC)" >/dev/null; then
		lacks "the race detector has no C compiler" "install one (apt-get install gcc, xcode-select --install) and leave CGO_ENABLED alone"
	fi
fi

if ! command -v node >/dev/null; then
	lacks "Node.js is missing; the official JavaScript clients run on it" "install Node.js 20 or newer from https://nodejs.org"
else
	have=$(node --version)
	at_least "${have#v}" 20.0.0 || lacks "Node.js $have is too old" "install Node.js 20 or newer from https://nodejs.org"
fi
command -v npm >/dev/null || lacks "npm is missing; it installs the JavaScript clients" "install the npm that belongs to your Node.js"

# The same programs as the browser test looks for.
has_chromium() {
	for program in "${CHROMIUM:-chromium}" chromium-browser google-chrome chrome "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
		command -v "$program" >/dev/null && return
	done
	return 1
}

if ! has_chromium && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "need: Chromium is missing; apt-get installs it" >&2
	apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
has_chromium || lacks "Chromium is missing; the page of examples/avalon is tested in it" \
	"install it (apt-get install chromium, brew install --cask chromium), or set CHROMIUM to its program"

if ! command -v redis-server >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "need: redis-server is missing; apt-get installs it" >&2
	apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server >/dev/null
fi
command -v redis-server >/dev/null || lacks "redis-server is missing; the tests of redisadapter start it" \
	"install it (apt-get install redis-server, brew install redis)"

exit $bad
