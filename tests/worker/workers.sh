#!/usr/bin/env bash
# workers.sh PROGRAM: a server that leaves its tasks to worker processes, which are killed, stopped and drained.
source "$(dirname "${BASH_SOURCE[0]}")/../support/processes.sh"

start() { start_server --lease-term 2s "$@"; }
stop() { drained server; }

start --store sqlite:jobs.db

# ---- two workers share a job; what one of them has is not lost when it is killed ----
start_worker one
start_worker two
until_so listed one
until_so listed two
job=$(submit fan_out -p count=400 -p sleep_ms=10) || exit 1
until_so done_at_least "$job" 40
kill_now one
whole "$job" 400
check "worker two says nothing of errors" [ "$(grep -c ' error ' two.log)" = 0 ]
until_so eval '! listed one'

# ---- the server is killed in the middle; leases outlive it, and so does what was finished meanwhile ----
start_worker three
until_so listed three
job=$(submit fan_out -p count=400 -p sleep_ms=10) || exit 1
until_so done_at_least "$job" 40
kill_now server
# A worker that has nothing to say meanwhile would not notice; one that has noticed may come back after the others are done.
until_so grep -q 'cannot be reached' two.log
start --store sqlite:jobs.db
whole "$job" 400
until_so grep -q 'connected again' two.log
again=$("$program" jobs tasks "$job" --stage 2 --limit 200 -o jsonl 2>/dev/null | grep -cv '"attempt":1,')
# What workers had counts. Only what was on its way to them is lost: one answer each, of a lease for each thread.
check "$again tasks were made a second time" [ "$again" -le 40 ]

# ---- a worker that is stopped for longer than its leases: its late outcomes are not taken ----
drained two
job=$(submit fan_out -p count=6 -p sleep_ms=500) || exit 1
until_so done_at_least "$job" 1
kill -STOP "${pids[three]}"
start_worker four
whole "$job" 6
kill -CONT "${pids[three]}"
job=$(submit fan_out -p count=100 -p sleep_ms=5) || exit 1
whole "$job" 100

# ---- draining: what runs ends and is told, the rest goes to others ----
job=$(submit fan_out -p count=40 -p sleep_ms=100) || exit 1
until_so done_at_least "$job" 4
drained three
whole "$job" 40
until_so eval '! listed three'
again=$("$program" jobs tasks "$job" --stage 2 --limit 200 -o jsonl 2>/dev/null | grep -cv '"attempt":1,')
check "$again tasks of a drained worker were made a second time" [ "$again" = 0 ]

# ---- large values ----
job=$(submit fan_out -p count=3 -p payload_bytes=1048576) || exit 1
whole "$job" 3
drained four
stop

# ---- who may be one ----
printf 'worker-0123456789 worker hands\nsubmit-0123456789 submit someone\n' >tokens
chmod 600 tokens
start --store memory: --token-file tokens
COREMACHINE_TOKEN=wrong-0123456789 start_worker five
ended five 5
COREMACHINE_TOKEN=submit-0123456789 start_worker five
ended five 5
check "the reason is told" grep -q 'needs the role worker' five.log
COREMACHINE_TOKEN=worker-0123456789 start_worker five
export COREMACHINE_TOKEN=submit-0123456789
until_so listed five
job=$(submit fan_out -p count=10) || exit 1
whole "$job" 10
drained five
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

tell_and_end
