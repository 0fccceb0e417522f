#!/usr/bin/env bash
# serve.sh PROGRAM: the server as clients meet it, over sockets. Needs curl; ends with 77 where there is none.
set -uo pipefail
program=$(realpath "$1")
command -v curl >/dev/null || { echo "SKIPPED: there is no curl"; exit 77; }
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
unset NO_COLOR "${!COREMACHINE_@}"
failed=0
checks=0

fail() { failed=$((failed + 1)); printf 'FAILED: %s\n' "$*"; }

# start ARGUMENT…: starts a server on a free port; its address is then in $url.
start() { start_loud --log-level warn "$@"; }
start_loud() {
  rm -f port
  mkfifo port
  "$program" serve --listen 127.0.0.1:0 "$@" >port 2>log &
  server=$!
  local line
  read -r line <port || { cat log; exit 1; }
  url=${line#listening on }
  authority=${url#http://}
}
# stop SIGNAL: its exit status is then in $code.
stop() {
  kill "-$1" "$server"
  wait "$server"
  code=$?
  server=
}

# ask STATUS PATTERN METHOD PATH [CURL ARGUMENT]…: the pattern is an extended regular expression for head and body.
ask() {
  local status=$1 pattern=$2 method=$3 path=$4 got
  shift 4
  checks=$((checks + 1))
  [[ " $* " == *" Content-Type: "* ]] || set -- -H 'Content-Type: application/json' "$@"
  got=$(curl -sS -o body -D head -w '%{http_code}' -X "$method" "$@" "$url$path" 2>error)
  if [ "$got" != "$status" ] || ! tr -d '\r' <head | cat - body | tr '\n' ' ' | grep -qE -- "$pattern"; then
    fail "$method $path $*: $got (expected $status), and /$pattern/ in:"
    cat head body error | head -c 1000
  fi
}
# raw STATUS BYTES: what printf makes of BYTES goes to the server as it is; the first line of the answer has the status.
raw() {
  local status=$1 line
  checks=$((checks + 1))
  exec 3<>"/dev/tcp/${authority%:*}/${authority##*:}"
  # shellcheck disable=SC2059
  printf "$2" >&3
  read -r -t 20 line <&3
  exec 3<&- 3>&-
  [[ $line == "HTTP/1.1 $status "* ]] || fail "$(printf '%q' "$2"): $line (expected $status)"
}
value() { sed -E "s/.*\"$1\": *\"?([^\",}]*).*/\\1/" body; }

# ---- every row of the table of routes ----
start --store sqlite:a.db --workers 2
ask 200 '"status":"completed".*"greeting":"Welcome"' POST '/api/v1/jobs/hello_world?wait=30s' -d '{"message": "Welcome"}'
ask 202 'Location: /api/v1/jobs/' POST /api/jobs/hello_world -d '{}'
id=$(value job_id)
ask 200 '"status":"completed"' GET "/api/v1/jobs/$id?wait=30s"
ask 200 '^HTTP.*\{"greeting":"Hello"\}' GET "/api/v1/jobs/$id/result"
ask 200 '"items":\[\{.*"next_cursor"' GET "/api/v1/jobs/$id/tasks?expand=params,result"
ask 200 'event: job.accepted.*event: job.completed' GET "/api/v1/jobs/$id/events"
ask 200 'event: job.completed' GET "/api/v1/jobs/$id/events" -H 'Last-Event-ID: 1'
ask 200 '"reasons":\[\]' GET "/api/v1/jobs/$id/explain"
ask 200 '"cells":\[' GET "/api/v1/jobs/$id/heatmap"
ask 200 '"items":\[' GET '/api/v1/jobs?limit=1'
ask 409 wrong_state POST "/api/v1/jobs/$id/\$cancel"
ask 409 wrong_state POST "/api/v1/jobs/$id/pause"
ask 204 . DELETE "/api/v1/jobs/$id"
ask 200 '"matched":0,"changed":0' POST '/api/v1/jobs/$cancel' -d '{"filter": {"status": "running"}, "dry_run": true}'
ask 200 '"name":"hello_world"' GET /api/v1/job-types
ask 200 '"name":"greet"' GET '/api/v1/tasks?tags=builtin,greeting'
ask 200 '"output":"Hi"' POST '/api/v1/tasks/greet/execute?wait=30s' -d '{"params": {"message": "Hi"}}'
ask 405 'Allow: GET, HEAD, OPTIONS' POST /api/v1/tasks -d '{}'
ask 405 'Allow: GET, HEAD, OPTIONS' DELETE /api/v1/tasks/greet
ask 200 '"max_concurrency":3' PUT /api/v1/limits/echo -d '{"max_concurrency": 3}'
ask 200 '"items":\[\{"task_type":"echo"' GET /api/v1/limits
ask 201 'Location: /api/v1/schedules/nightly' POST /api/v1/schedules -d '{"name": "nightly", "job_type": "hello_world", "cron": "30 2 * * *"}'
ask 200 '"next_times":\["' GET /api/v1/schedules/nightly
ask 202 '"job_id"' POST /api/v1/schedules/nightly/run
ask 200 '"items":\[' GET /api/v1/workers
ask 200 '"items":\[' GET /api/v1/queues
ask 200 '"status":"ok"' GET /livez
ask 200 '"status":"ready"' GET /readyz
ask 200 '^HTTP.*# TYPE' GET /metrics
ask 200 '"openapi":"3.1' GET /openapi.json
ask 200 '<!doctype html>' GET /
ask 204 'Allow: DELETE, GET, HEAD, OPTIONS, POST' OPTIONS /api/v1/jobs/x
ask 404 'nearest: hello_world' POST /api/v1/jobs/hello_wrld -d '{}'
ask 200 'X-Request-Id: abc-1' GET /livez -H 'X-Request-Id: abc-1'
checks=$((checks + 1))
curl -sSI "$url/api/v1/tasks" | tr -d '\r' | grep -q '^HTTP/1.1 200' || fail "HEAD"

# ---- bad input stops nothing ----
ask 400 'comes twice' POST /api/v1/jobs/hello_world -d '{"message": "a", "message": "b"}'
ask 400 'body is missing' POST /api/v1/jobs/hello_world
ask 422 '#/message' POST /api/v1/jobs/hello_world -d '{"message": 5}'
ask 422 '#/count' POST /api/v1/jobs/fan_out -d '{"count": 99999999999999999999}'
ask 415 application/json POST /api/v1/jobs/hello_world -H 'Content-Type: text/plain' -d '{}'
head -c 1100000 /dev/zero | tr '\0' ' ' >long
ask 413 problem POST /api/v1/jobs/hello_world --data-binary @long
ask 431 problem GET /livez -H "X-Long: $(head -c 9000 /dev/zero | tr '\0' a)"
ask 414 problem GET "/livez?$(head -c 9000 /dev/zero | tr '\0' a)"
ask 400 '1 to 200' GET '/api/v1/jobs?limit=1000'
host="Host: $authority"
# Also of what could not be read, the problem has the id of its header.
checks=$((checks + 1))
exec 3<>"/dev/tcp/${authority%:*}/${authority##*:}"
printf 'GET /livez HTTP/1.1\r\n\r\n' >&3
tr -d '\r' <&3 >unread
exec 3<&- 3>&-
request_id=$(sed -n 's/^X-Request-Id: //p' unread)
[ -n "$request_id" ] && grep -q "\"request_id\":\"$request_id\"" unread || fail "request_id: $(cat unread)"
raw 501 "BREW / HTTP/1.1\r\n$host\r\n\r\n"
raw 505 "GET / HTTP/2.0\r\n$host\r\n\r\n"
raw 400 "GET /livez HTTP/1.1\r\n\r\n"
raw 400 "GET /livez HTTP/1.1\r\n$host\r\n$host\r\n\r\n"
raw 400 "GET /livez HTTP/1.1\r\n$host\r\nX : a\r\n\r\n"
raw 400 "GET /livez HTTP/1.1\r\n$host\r\nX: a\r\n b\r\n\r\n"
raw 400 "POST /api/v1/jobs/hello_world HTTP/1.1\r\n$host\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"
raw 400 "POST /api/v1/jobs/hello_world HTTP/1.1\r\n$host\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
raw 501 "POST /api/v1/jobs/hello_world HTTP/1.1\r\n$host\r\nTransfer-Encoding: gzip\r\n\r\n{}"
raw 400 "POST /api/v1/jobs/hello_world HTTP/1.1\r\n$host\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
raw 100 "POST /api/v1/jobs/hello_world HTTP/1.1\r\n$host\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
raw 404 "POST /api/v1/jobs/nobody_there/x HTTP/1.1\r\n$host\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
ask 200 '"status":"ok"' GET /livez

# ---- pipelined requests are answered in order ----
checks=$((checks + 1))
exec 3<>"/dev/tcp/${authority%:*}/${authority##*:}"
printf 'GET /livez HTTP/1.1\r\n%s\r\n\r\nGET /api/v1/tasks/nope HTTP/1.1\r\n%s\r\n\r\nGET /livez HTTP/1.1\r\n%s\r\nConnection: close\r\n\r\n' "$host" "$host" "$host" >&3
got=$(tr -d '\r' <&3 | grep -aoE '^HTTP/1.1 [0-9]+|\}HTTP/1.1 [0-9]+' | grep -oE '[0-9]+$' | tr '\n' ' ')
exec 3<&- 3>&-
[ "$got" = "200 404 200 " ] || fail "pipelined: $got"

# ---- what was accepted is on disk before the reply ----
ask 202 '"job_id"' POST '/api/v1/jobs/hello_world?delay=1h' -d '{"message": "kept"}' -H 'Idempotency-Key: once'
id=$(value job_id)
kill -9 "$server"
wait "$server" 2>/dev/null
start --store sqlite:a.db
ask 200 '"status":"scheduled"' GET "/api/v1/jobs/$id"
ask 200 "\"job_id\":\"$id\".*\"deduplicated\":true" POST /api/v1/jobs/hello_world -d '{"message": "kept"}' -H 'Idempotency-Key: once'
ask 422 key_conflict POST /api/v1/jobs/hello_world -d '{"message": "other"}' -H 'Idempotency-Key: once'

# ---- SIGTERM: who waits is answered, streams end, exit status 0 ----
curl -sS "$url/api/v1/jobs/$id?wait=60s" >waited &
waiting=$!
exec 4< <(curl -sSN "$url/api/v1/jobs/$id/events")
streaming=$!
until read -r line <&4 && [ "$line" = "event: job.accepted" ]; do :; done
until [[ $(curl -sS "$url/metrics") == *$'\n'"coremachine_http_waiting_requests 1"$'\n'* ]]; do :; done
stop TERM
checks=$((checks + 2))
[ "$code" = 0 ] || fail "SIGTERM: exit $code"
wait "$waiting" || fail "the request that waited was not answered"
wait "$streaming" || fail "the stream was not ended in order"

# ---- who may do what ----
reader=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
operator=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
printf '%s read ann\n%s admin\n' "$reader" "$operator" >tokens
start --store memory: --token-file tokens
ask 401 'WWW-Authenticate' GET /api/v1/jobs
ask 401 'unauthorized' GET /api/v1/jobs -H 'Authorization: Bearer nobody'
ask 401 'unauthorized' GET /no/such/path
ask 200 '"items"' GET /api/v1/jobs -H "Authorization: Bearer $reader"
ask 403 'submit' POST /api/v1/jobs/hello_world -d '{}' -H "Authorization: Bearer $reader"
ask 202 '"job_id"' POST /api/v1/jobs/hello_world -d '{}' -H "Authorization: Bearer $operator"
ask 200 '"status":"ok"' GET /livez
ask 200 '"openapi"' GET /openapi.json
ask 403 'forbidden' GET /livez -H 'Host: evil.example'
ask 403 'forbidden' POST /api/v1/jobs/hello_world -d '{}' -H "Authorization: Bearer $operator" -H 'Origin: http://evil.example'
# A stream is open, and ends when the tokens are read again: this one may not come back.
curl -sSN -H "Authorization: Bearer $operator" "$url/api/v1/stats/events" >stream &
watcher=$!
until [ -s stream ]; do read -r -t 0.01 <>port; done
printf '%s admin\n' "$reader" >tokens
kill -HUP "$server"
wait "$watcher" || fail "the stream of a token that is gone: exit $?"
checks=$((checks + 1))
for _ in $(seq 1000); do
  curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $operator" "$url/api/v1/jobs" | grep -q 401 && break
done
ask 401 'unauthorized' GET /api/v1/jobs -H "Authorization: Bearer $operator"
ask 202 '"job_id"' POST /api/v1/jobs/hello_world -d '{}' -H "Authorization: Bearer $reader"
stop TERM
[ "$code" = 0 ] || fail "SIGTERM after SIGHUP: exit $code"

# ---- the log: the level and the tokens of now, ids in every line, nothing secret ----
logged() {  # logged PATTERN: sooner or later there is such a line
  checks=$((checks + 1))
  for _ in $(seq 3000); do
    grep -qE -- "$1" log && return
    read -r -t 0.01 <>port
  done
  fail "no /$1/ in: $(tail -n 5 log)"
}
printf '%s admin ops\n' "$operator" >tokens
printf 'log_level = "info"\nlog_format = "json"\n' >c.toml
start_loud --config c.toml --store memory: --token-file tokens
bearer="Authorization: Bearer $operator"
ask 202 '"job_id"' POST '/api/v1/jobs/hello_world?tags=quiet-tag' -d '{}' -H "$bearer"
printf 'log_level = "debug"\nlog_format = "json"\n' >c.toml
printf '%s admin\n%s submit ops\n' "$reader" "$operator" >tokens
kill -HUP "$server"
logged 'SIGHUP: '
grep -q '"answered"' log && fail "answers are logged at info"
ask 403 'admin' PUT /api/v1/limits/echo -d '{"rate": 1}' -H "$bearer"
ask 200 '"status":"completed"' POST '/api/v1/jobs/hello_world?wait=30s&tags=secret-tag' -d '{}' -H "$bearer" -H 'Idempotency-Key: secret-key'
id=$(value job_id)
logged "\"answered\".*\"request_id\":\"[^\"]+\",\"method\":\"POST\",\"route\":\"/api/v1/jobs/\{job_type\}\",.*\"status\":200,\"seconds\":.*\"job_id\":\"$id\""
logged "\"job ended\".*\"job_id\":\"$id\""
ask 200 '"status":"failed"' POST '/api/v1/tasks/list_blobs/execute?wait=30s' -d '{"params": {"container_name": "/no/such"}}' -H "$bearer"
logged '"an attempt failed".*"job_id":"[^"]+","stage":1,"round":1,"task_index":0,"task_type":"list_blobs","attempt":1'
ask 401 unauthorized GET '/api/v1/jobs?token=secret-word' -H 'Authorization: Bearer secret-bearer'
logged '"route":"/api/v1/jobs","path":"/api/v1/jobs","status":401'
printf 'log_level = "loud"\n' >c.toml
kill -HUP "$server"
logged 'SIGHUP: .*loud'
checks=$((checks + 1))
grep -nE "$operator|$reader|secret-" log && fail "a secret is in the log"
stop TERM

# ---- what it refuses to do ----
refuse() {
  local expected=$1 pattern=$2
  shift 2
  checks=$((checks + 1))
  "$program" serve "$@" >out 2>err </dev/null
  code=$?
  [ "$code" = "$expected" ] && grep -qE -- "$pattern" err || fail "serve $*: exit $code (expected $expected): $(head -c 300 err)"
}
refuse 2 'HOST:PORT' --listen 8080
refuse 2 'nowhere' --token-file nowhere --store memory:
refuse 2 'token-file.*insecure' --listen 0.0.0.0:0 --store memory:
refuse 2 'queue: .*"amqp://localhost" is not a queue: use memory:' --queue amqp://localhost --store memory:
refuse 2 'queue: .*(no option|without Redis)' --queue 'redis://localhost?db=0&x=1' --store memory:
refuse 2 'libjobs.so: there is no such file' --module libjobs.so --store memory:
refuse 2 'allow-source: the interpreter "nosuch" is in no folder of PATH' --allow-source nosuch --store memory:
refuse 2 'belong together' --tls-cert a.pem --store memory:
refuse 2 'drain-limit takes' --drain-limit soon
start --store sqlite:a.db
refuse 4 "another program listens" --listen "$authority" --store memory:
refuse 4 'store_locked' --store sqlite:a.db --listen 127.0.0.1:0
stop INT
[ "$code" = 0 ] || fail "SIGINT: exit $code"

echo "$checks checks, $failed failed"
[ "$failed" = 0 ]
