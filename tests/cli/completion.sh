#!/usr/bin/env bash
# completion.sh PROGRAM: the scripts that the program prints for shells, in the shells that there are, and its manual page.
set -uo pipefail
program=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset "${!COREMACHINE_@}"
failed=0
checks=0
fail() { failed=$((failed + 1)); printf 'FAILED: %s\n' "$*"; }
check() { checks=$((checks + 1)); "$@" || fail "$*: $(cat err 2>/dev/null)"; }

for shell in bash zsh fish; do "$program" completion "$shell" >"$shell.script" || fail "completion $shell"; done
check test "$("$program" completion csh 2>&1 >/dev/null)" = 'coremachine: completion takes bash, zsh or fish, and not "csh"'
check bash -n bash.script

# offers WORD… -- WANTED…: what bash completes the last word to, as a sorted list.
# shellcheck source=/dev/null
source bash.script
offers() {
  local -a words=() wanted=()
  while [ "$1" != -- ]; do words+=("$1"); shift; done
  shift
  wanted=("$@")
  checks=$((checks + 1))
  COMP_WORDS=("${words[@]}")
  COMP_CWORD=$((${#words[@]} - 1))
  _coremachine
  local got want
  got=$(printf '%s\n' "${COMPREPLY[@]}" | sort)
  want=$(printf '%s\n' "${wanted[@]}" | sort)
  [ "$got" = "$want" ] || fail "${words[*]}: $(tr '\n' ' ' <<<"$got") (expected $(tr '\n' ' ' <<<"$want"))"
}
touch file_a.json file_b.json
offers coremachine ser -- serve
offers coremachine s -- serve submit schedules
offers coremachine jobs re -- resume retry
offers coremachine jobs list --st -- --status
offers coremachine jobs list --status ca -- cancelled cancelling
offers coremachine jobs list --status failed -o j -- json jsonl
offers coremachine jobs list --output = j -- json jsonl
offers coremachine jobs list --output = -- table json jsonl
offers coremachine submit hello -- hello_world
offers coremachine submit -p jobs --wait fan -- fan_out
offers coremachine submit hello_world @file_a -- @file_a.json
offers coremachine tasks execute gr -- greet
offers coremachine --config file_ -- file_a.json file_b.json
offers coremachine completion '' -- bash zsh fish
offers coremachine limits set greet --paused t -- true
offers coremachine types sh -- show
offers coremachine jobs watch some-id '' -- ''
offers coremachine nonsense --o -- ''
offers coremachine db check --rep -- --repair

# Other shells judge their scripts themselves, where they are.
if command -v zsh >/dev/null; then check zsh -n zsh.script 2>err; fi
if command -v fish >/dev/null; then
  check fish -n fish.script 2>err
  got=$(fish -c 'source fish.script; complete -C "coremachine jobs list --status can"' | cut -f1 | sort | tr '\n' ' ')
  check test "$got" = 'cancelled cancelling '
fi

"$program" man >coremachine.1
check grep -q '^\.TH COREMACHINE 1' coremachine.1
for word in 'coremachine jobs list' 'COREMACHINE_SERVER' 'EXIT STATUS'; do check grep -q -- "$word" coremachine.1; done
if command -v groff >/dev/null; then
  check groff -man -ww -Tutf8 coremachine.1 >page 2>err
  check test ! -s err
  check grep -q 'coremachine submit' page
fi

echo "$checks checks, $failed failed"
[ "$failed" = 0 ]
