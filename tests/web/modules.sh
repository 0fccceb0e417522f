#!/usr/bin/env bash
# The parts of the dashboard that need no browser. Ends with 77, and says so, where there is no Node.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
if ! command -v node >/dev/null || [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 18 ]; then
  echo "SKIPPED: THE MODULES OF THE DASHBOARD WERE NOT TESTED: there is no node, or one older than 18"
  exit 77
fi
exec node --test --test-reporter=spec modules/*_test.mjs
