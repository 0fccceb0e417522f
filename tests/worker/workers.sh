#!/usr/bin/env bash
# workers.sh PROGRAM: a server that leaves its tasks to worker processes, which are killed, stopped and drained.
set -uo pipefail
program=$(realpath "$1")
work=$(mktemp -d)
declare -A workers=()
server=
trap 'for pid in "${workers[@]}" $server; do kill -9 "$pid" 2>/dev/null; done; rm -rf "$work"' EXIT
cd "$work"
unset NO_COLOR "${!COREMACHINE_@}"
export HOME=$work
failed=0
checks=0
fail() { failed=$((failed + 1)); printf 'FAILED: %s\n' "$*"; }
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

# start [ARGUMENT…]: the server, at the address of its first start from then on.
listen=127.0.0.1:0
start() {
  local line
  rm -f port
  mkfifo port
  "$program" serve --listen "$listen" --workers 0 --lease-term 2s --log-level warn "$@" >port 2>>server.log &
  server=$!
  read -r line <port || { cat server.log; exit 1; }
  export COREMACHINE_SERVER=${line#listening on }
  listen=${COREMACHINE_SERVER#*://}
}
stop() {
  kill -TERM "$server"
  wait "$server"
  check "the server ends with $?" [ $? = 0 ]
  server=
}
# worker NAME [ARGUMENT…]
worker() {
  local name=$1
  shift
  "$program" worker --name "$name" --concurrency 2 --log-level info "$@" >>"$name.log" 2>&1 &
  workers[$name]=$!
}
# ended NAME CODE: it ends by itself, with this code.
ended() {
  wait "${workers[$1]}"
  local code=$?
  checks=$((checks + 1))
  [ "$code" = "$2" ] || { fail "worker $1 ends with $code, and not $2"; tail -n 30 "$1.log"; }
  unset "workers[$1]"
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
# whole JOB COUNT: all tasks completed, each once.
whole() {
  until_so is_over "$1"
  check "job $1 is $(field "$1" status)" [ "$(field "$1" status)" = completed ]
  check "job $1 has $(field "$1" succeeded) of $2" [ "$(field "$1" succeeded)" = "$2" ]
  check "the sum of job $1 is $(field "$1" sum)" [ "$(field "$1" sum)" = $(($2 * ($2 - 1) / 2)) ]
}

start --store sqlite:jobs.db

# ---- two workers share a job; what one of them has is not lost when it is killed ----
worker one
worker two
until_so listed one
until_so listed two
job=$(submit fan_out -p count=400 -p sleep_ms=10) || exit 1
until_so done_at_least "$job" 40
kill -9 "${workers[one]}"
wait "${workers[one]}" 2>/dev/null
unset 'workers[one]'
whole "$job" 400
check "worker two says nothing of errors" [ "$(grep -c ' error ' two.log)" = 0 ]
until_so eval '! listed one'

# ---- the server is killed in the middle; leases outlive it, and so does what was finished meanwhile ----
worker three
until_so listed three
job=$(submit fan_out -p count=400 -p sleep_ms=10) || exit 1
until_so done_at_least "$job" 40
kill -9 "$server"
wait "$server" 2>/dev/null
start --store sqlite:jobs.db
whole "$job" 400
check "worker two came back" grep -q 'connected again' two.log
again=$("$program" jobs tasks "$job" --stage 2 --limit 200 -o jsonl 2>/dev/null | grep -cv '"attempt":1,')
# What workers had counts. Only what was on its way to them is lost: one answer each, of a lease for each thread.
check "$again tasks were made a second time" [ "$again" -le 40 ]

# ---- a worker that is stopped for longer than its leases: its late outcomes are not taken ----
kill -TERM "${workers[two]}"
ended two 0
job=$(submit fan_out -p count=6 -p sleep_ms=500) || exit 1
until_so done_at_least "$job" 1
kill -STOP "${workers[three]}"
worker four
whole "$job" 6
kill -CONT "${workers[three]}"
job=$(submit fan_out -p count=100 -p sleep_ms=5) || exit 1
whole "$job" 100

# ---- draining: what runs ends and is told, the rest goes to others ----
job=$(submit fan_out -p count=40 -p sleep_ms=100) || exit 1
until_so done_at_least "$job" 4
kill -TERM "${workers[three]}"
ended three 0
whole "$job" 40
until_so eval '! listed three'
again=$("$program" jobs tasks "$job" --stage 2 --limit 200 -o jsonl 2>/dev/null | grep -cv '"attempt":1,')
check "$again tasks of a drained worker were made a second time" [ "$again" = 0 ]

# ---- large values ----
job=$(submit fan_out -p count=3 -p payload_bytes=1048576) || exit 1
whole "$job" 3
kill -TERM "${workers[four]}"
ended four 0
stop

# ---- who may be one ----
printf 'worker-0123456789 worker hands\nsubmit-0123456789 submit someone\n' >tokens
chmod 600 tokens
start --store memory: --token-file tokens
COREMACHINE_TOKEN=wrong-0123456789 worker five
ended five 5
COREMACHINE_TOKEN=submit-0123456789 worker five
ended five 5
check "the reason is told" grep -q 'needs the role worker' five.log
COREMACHINE_TOKEN=worker-0123456789 worker five
export COREMACHINE_TOKEN=submit-0123456789
until_so listed five
job=$(submit fan_out -p count=10) || exit 1
whole "$job" 10
kill -TERM "${workers[five]}"
ended five 0
stop

# ---- what cannot be ----
for row in '2|--queue|carrier-pigeon://coop|no queue of the kind' '2|--queue|memory:|--server' \
  '2|--server|nowhere|takes http' '2|--artifacts|nowhere|no place for artifacts' '3|--task-type|nobody|nobody'; do
  IFS='|' read -r code flag value said <<<"$row"
  "$program" worker "$flag" "$value" >out 2>&1
  got=$?
  check "$flag $value ends with $got" [ "$got" = "$code" ]
  check "$flag $value: $(cat out)" grep -q -- "$said" out
done

echo "$checks checks, $failed failed"
[ "$failed" = 0 ]
