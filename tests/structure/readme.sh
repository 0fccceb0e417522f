#!/usr/bin/env bash
# Code that a page says to be a file of the tree is that file: "This is [samples/…](samples/…):" and a block of C++.
set -euo pipefail
cd "$1"
status=0
compared=0
while IFS= read -r page; do
  while IFS=: read -r line text; do
    file=$(sed -E 's/.*This is \[([^]]+)\]\(([^)]+)\).*/\2/' <<<"$text")
    file=$(realpath --relative-to=. "$(dirname "$page")/$file")
    shown=$(awk -v from="$line" 'NR < from || over { next } /^```cpp$/ { inside = 1; next } /^```$/ && inside { over = 1; next } inside' "$page")
    # The comment at the top of the file is for those who read it there.
    wanted=$(awk '!begun && /^\/\// { next } { begun = 1; print }' "$file")
    compared=$((compared + 1))
    if [ "$shown" != "$wanted" ]; then
      echo "$page:$line: the code is not what $file has"
      diff <(echo "$shown") <(echo "$wanted") || true
      status=1
    fi
  done < <(grep -nE 'This is \[[^]]+\]\([^)]+\.cpp\)' "$page" || true)
done < <(find . -name '*.md' -not -path './build*')
[ "$compared" -gt 0 ] || { echo "no page shows a file: this test looks for nothing"; exit 1; }
exit $status
