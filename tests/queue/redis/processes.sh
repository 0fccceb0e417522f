#!/usr/bin/env bash
# processes.sh PROGRAM: a server and workers with a Redis between them, each of which is killed in its turn. Ends with 77
# where there is no redis-server.
set -uo pipefail
program=$(realpath "$1")
redis_server=$(command -v redis-server || command -v redis-check-rdb)
if [ -z "$redis_server" ]; then
  echo "SKIPPED: there is no redis-server; ./dev setup installs redis-tools, which has it"
  exit 77
fi
work=$(mktemp -d)
declare -A pids=()
trap 'for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null; done; rm -rf "$work"' EXIT
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

queue="unix://$work/redis.sock?prefix=e2e"
redis() { redis-cli -s "$work/redis.sock" "$@"; }
start_redis() {
  rm -f redis.sock
  (exec -a redis-server "$redis_server" --port 0 --unixsocket "$work/redis.sock" --dir "$work" --save "" \
    --appendonly no --logfile "$work/redis.log") &
  pids[redis]=$!
  until_so redis_answers
}
redis_answers() { [ "$(redis ping 2>/dev/null)" = PONG ]; }

listen=127.0.0.1:0
start_server() {
  local line
  rm -f port
  mkfifo port
  "$program" serve --listen "$listen" --queue "$queue" --workers 0 --lease-term 2s --log-level info \
    --store sqlite:jobs.db >port 2>>server.log &
  pids[server]=$!
  read -r line <port || { cat server.log; exit 1; }
  export COREMACHINE_SERVER=${line#listening on }
  listen=${COREMACHINE_SERVER#*://}
}
worker() {
  "$program" worker --queue "$queue" --name "$1" --concurrency 2 --log-level info >>"$1.log" 2>&1 &
  pids[$1]=$!
}
die() {
  kill -9 "${pids[$1]}"
  wait "${pids[$1]}" 2>/dev/null
  unset "pids[$1]"
}
job() { "$program" jobs show "$1" -o json; }
# The job's own members are two blanks in, those of its stages further. A grep that ends early would break the pipe.
is_over() { grep -qE '^  "status": "(completed|failed|dead|cancelled)' <<<"$(job "$1")"; }
# Its first stage has one task; so many have only the second.
has_begun() { grep -qE '^ {4,}"completed": [1-9][0-9]' <<<"$(job "$1")"; }
# completed ID COUNT: it has completed, and all of its tasks have.
completed() {
  until_so is_over "$1"
  check "job $1: $(job "$1")" grep -qE "\"succeeded\": ?$2[,}]" <<<"$(job "$1")"
}
submit() { "$program" submit fan_out -p count="$1" -p sleep_ms="${2:-0}" -o json | sed -nE 's/.*"job_id": ?"([^"]+)".*/\1/p' | head -n 1; }
status_of() { exec 3<>"/dev/tcp/${listen%:*}/${listen##*:}" && printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" "$listen" >&3 && cat <&3; exec 3>&-; }
is_ready() { grep -q '^HTTP/1.1 200' <<<"$(status_of /readyz)"; }
is_not_ready() { grep -q '"queue":"unix://' <<<"$(status_of /readyz)"; }
shows_workers() { grep -q "\"name\": \?\"$1\"" <<<"$("$program" workers -o json)"; }

start_redis
start_server
until_so is_ready
worker one
worker two
until_so shows_workers one
until_so shows_workers two
check "hello" grep -q Welcome <<<"$("$program" submit hello_world -p message=Welcome --wait)"
completed "$(submit 2000)" 2000

# Redis dies and comes back with nothing.
id=$(submit 1000 2)
until_so has_begun "$id"
die redis
until_so is_not_ready
check "/queues says so" grep -q '"up":false' <<<"$(status_of /api/v1/queues)"
start_redis
completed "$id" 1000
until_so is_ready
check "/queues says so" grep -q '"up":true' <<<"$(status_of /api/v1/queues)"

# A worker dies.
id=$(submit 1000 2)
until_so has_begun "$id"
die one
completed "$id" 1000

# The server dies; what the worker finishes meanwhile counts.
id=$(submit 1000 2)
until_so has_begun "$id"
die server
start_server
completed "$id" 1000

# A worker drains, and is gone; so are all keys that name it.
worker three
until_so shows_workers three
kill -TERM "${pids[two]}"
wait "${pids[two]}"
check "a drained worker ends with $?" [ $? = 0 ]
unset "pids[two]"
completed "$(submit 500)" 500
nothing_names_two() { ! grep -q ':two$' <<<"$(redis keys '*')"; }
until_so nothing_names_two
check "all keys have the prefix" [ -z "$(redis keys '*' | grep -v '^e2e:')" ]

kill -TERM "${pids[server]}"
wait "${pids[server]}"
check "the server ends with $?" [ $? = 0 ]
unset "pids[server]"

printf '%s checks, %s failed\n' "$checks" "$failed"
[ "$failed" = 0 ]
