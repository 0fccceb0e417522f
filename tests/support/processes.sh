# Sourced by tests that start a server and workers as processes; their first argument is the program. Processes lie in
# `pids` by their names, and end with the test, which runs in a folder of its own.
set -uo pipefail
program=$(realpath "$1")
work=$(mktemp -d)
declare -A pids=()
trap 'for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null; done; rm -rf "$work"' EXIT
cd "$work" || exit 1
unset NO_COLOR "${!COREMACHINE_@}"
export HOME=$work
failed=0
checks=0
fail() { failed=$((failed + 1)); printf 'FAILED: %s\n' "$*"; }
# check WHAT COMMAND…: it has to succeed.
check() {
  local what=$1
  shift
  checks=$((checks + 1))
  "$@" || fail "$what"
}
mkfifo never
pause() { read -rt 0.05 <>"$work/never" || true; }
# until_so COMMAND…: waits for it to succeed; a minute is far too long.
until_so() {
  local tries=0
  until "$@"; do
    pause
    tries=$((tries + 1))
    if [ "$tries" -gt 1200 ]; then
      fail "this never came true: $*"
      for log in *.log; do printf -- '--- %s\n' "$log"; tail -n 30 "$log"; done
      exit 1
    fi
  done
}
tell_and_end() {
  printf '%s checks, %s failed\n' "$checks" "$failed"
  [ "$failed" = 0 ]
  exit
}

# start_server [ARGUMENT…]: it leaves its tasks to workers; at the address of its first start from then on.
listen=127.0.0.1:0
start_server() {
  local line
  rm -f port
  mkfifo port
  "$program" serve --listen "$listen" --workers 0 --log-level warn "$@" >port 2>>server.log &
  pids[server]=$!
  read -r line <port || { cat server.log; exit 1; }
  export COREMACHINE_SERVER=${line#listening on }
  listen=${COREMACHINE_SERVER#*://}
}
# start_worker NAME [ARGUMENT…]
start_worker() {
  local name=$1
  shift
  "$program" worker --name "$name" --concurrency 2 --log-level info "$@" >>"$name.log" 2>&1 &
  pids[$name]=$!
}
# kill_now NAME: as a crash would.
kill_now() {
  kill -9 "${pids[$1]}"
  wait "${pids[$1]}" 2>/dev/null
  unset "pids[$1]"
}
# ended NAME CODE: it ends by itself, with this code.
ended() {
  wait "${pids[$1]}"
  local code=$?
  checks=$((checks + 1))
  [ "$code" = "$2" ] || { fail "$1 ends with $code, and not $2"; tail -n 30 "$1.log"; }
  unset "pids[$1]"
}
# drained NAME: it is asked to end, and ends well.
drained() {
  kill -TERM "${pids[$1]}"
  ended "$1" 0
}

# submit TYPE …: the id of the job
submit() {
  local id
  id=$("$program" submit "$@" -q)
  [ -n "$id" ] || { fail "submit $*" >&2; exit 1; }
  echo "$id"
}
# field JOB NAME: a member of its result, or of the job.
field() { "$program" jobs show "$1" -o json 2>/dev/null | sed -nE "s/^ *\"$2\": *\"?([^\",]*)\"?,?\$/\\1/p" | tail -n 1; }
is_over() { [[ $(field "$1" status) =~ ^(completed|completed_with_errors|failed|dead|cancelled)$ ]]; }
done_at_least() { [ "$(field "$1" completed)" -ge "$2" ] 2>/dev/null; }
listed() { "$program" workers list -o json 2>/dev/null | grep -q "\"name\": *\"$1\""; }
# whole JOB COUNT: a fan_out whose tasks all completed, each once.
whole() {
  until_so is_over "$1"
  check "job $1 is $(field "$1" status)" [ "$(field "$1" status)" = completed ]
  check "job $1 has $(field "$1" succeeded) of $2" [ "$(field "$1" succeeded)" = "$2" ]
  check "the sum of job $1 is $(field "$1" sum)" [ "$(field "$1" sum)" = $(($2 * ($2 - 1) / 2)) ]
}
