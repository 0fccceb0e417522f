#!/usr/bin/env bash
# run.sh PROGRAM PACKAGES [bench|TEST…]: the dashboard in a real browser, on a real server. PACKAGES is the folder where
# `npm ci` has put what package.json names. Ends with 77, and says so, where Node, Chromium or the packages are missing.
set -euo pipefail
program=$(realpath "$1")
packages=$(realpath -m "$2")
shift 2
cd "$(dirname "${BASH_SOURCE[0]}")"

skip() { echo "SKIPPED: THE DASHBOARD WAS NOT TESTED IN A BROWSER: $*"; exit 77; }
command -v node >/dev/null || skip "there is no node (Debian: nodejs)"
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ] || skip "node is older than 18"
chromium=${COREMACHINE_CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
[ -n "$chromium" ] || skip "there is no chromium (Debian: chromium)"
"$chromium" --version >/dev/null 2>&1 || skip "$chromium does not start"
[ -d "$packages/node_modules/playwright-core" ] || skip "$packages has no node_modules; ./dev test fetches them with npm"

export COREMACHINE_PROGRAM=$program COREMACHINE_CHROMIUM=$chromium COREMACHINE_NODE_PACKAGES=$packages
[ "${1:-}" != bench ] || exec node bench/dashboard.mjs
[ $# -gt 0 ] || set -- pages/*_test.mjs
exec node --test --test-concurrency=1 --test-reporter=spec "$@"
