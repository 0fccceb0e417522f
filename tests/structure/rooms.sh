#!/usr/bin/env bash
# rooms.sh [ROOT]: every room of the tree has its line in docs/architecture.md. Ends with 77 if there is no such file.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

# Reads paths, prints rooms.
rooms() { sed -nE 's#^\./((core|triggers)/[a-z_]+|jobs|handlers|samples|bench|tests|cmake)/.*#\1#p' | sort -u; }
# Reads rooms, prints those that the text $1 does not name.
unnamed() { while IFS= read -r room; do grep -qE "\b${room##*/}\b" <<<"$1" || echo "$room"; done; }

# Can it fail?
found=$(printf './%s\n' core/cellar/a.cpp core/model/b.cpp jobs/c.cpp | rooms | unnamed 'core/model: what is spoken of')
if [ "$found" != $'core/cellar\njobs' ]; then
  echo "it should have missed core/cellar and jobs, and missed: $found"
  exit 1
fi

if [ ! -f docs/architecture.md ]; then
  echo "SKIPPED: there is no docs/architecture.md to look the rooms up in"
  exit 77
fi
missing=$(find . -path './build*' -prune -o -type f -print | rooms | unnamed "$(cat docs/architecture.md)")
if [ -n "$missing" ]; then
  printf 'docs/architecture.md has no word on %s\n' $missing
  exit 1
fi
echo "every room is on the map"
