#!/usr/bin/env bash
# processes.sh PROGRAM: a server and workers with a Redis between them, each of which is killed in its turn. Ends with 77
# where there is no redis-server.
redis_server=$(command -v redis-server || command -v redis-check-rdb)
if [ -z "$redis_server" ]; then
  echo "SKIPPED: there is no redis-server; ./dev setup installs redis-tools, which has it"
  exit 77
fi
source "$(dirname "${BASH_SOURCE[0]}")/../../support/processes.sh"

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

start() { start_server --queue "$queue" --store sqlite:jobs.db "$@"; }
worker() { start_worker "$1" --queue "$queue"; }
status_of() { exec 3<>"/dev/tcp/${listen%:*}/${listen##*:}" && printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" "$listen" >&3 && cat <&3; exec 3>&-; }
is_ready() { grep -q '^HTTP/1.1 200' <<<"$(status_of /readyz)"; }
is_not_ready() { grep -q '"queue":"unix://' <<<"$(status_of /readyz)"; }
# It is shown with a task that it has.
has_a_task() { grep -qE "\"name\":\"$1\".*\"tasks\":\[\{" <<<"$(status_of /api/v1/workers)"; }
# It has read an entry of this type.
has_read() { grep -q "^$1\$" <<<"$(redis xpending "e2e:tasks:$2" workers - + 10)"; }

start_redis
start --lease-term 2s
until_so is_ready
worker one
worker two
until_so listed one
until_so listed two
check "hello" grep -q Welcome <<<"$("$program" submit hello_world -p message=Welcome --wait)"
whole "$(submit fan_out -p count=2000)" 2000

# Redis dies and comes back with nothing.
job=$(submit fan_out -p count=1000 -p sleep_ms=2)
until_so done_at_least "$job" 10
kill_now redis
until_so is_not_ready
check "/queues says so" grep -q '"up":false' <<<"$(status_of /api/v1/queues)"
start_redis
whole "$job" 1000
until_so is_ready
check "/queues says so" grep -q '"up":true' <<<"$(status_of /api/v1/queues)"

# A worker dies.
job=$(submit fan_out -p count=1000 -p sleep_ms=2)
until_so done_at_least "$job" 10
kill_now one
whole "$job" 1000

# The server dies; what the worker finishes meanwhile counts.
job=$(submit fan_out -p count=1000 -p sleep_ms=2)
until_so done_at_least "$job" 10
kill_now server
start --lease-term 2s
whole "$job" 1000

# A worker drains, and is gone; so are all keys that name it.
worker three
until_so listed three
drained two
whole "$(submit fan_out -p count=500)" 500
nothing_names_two() { ! grep -q ':two$' <<<"$(redis keys '*')"; }
until_so nothing_names_two
check "all keys have the prefix" [ -z "$(redis keys '*' | grep -v '^e2e:')" ]

# What a worker has taken is shown, although it renews its leases much later.
drained server
start --lease-term 60s
until_so is_ready
until_so listed three
job=$(submit fan_out -p count=2 -p sleep_ms=3000)
until_so has_read three echo
kill -STOP "${pids[three]}"
until_so has_a_task three
kill -CONT "${pids[three]}"
whole "$job" 2
drained three
drained server
tell_and_end
