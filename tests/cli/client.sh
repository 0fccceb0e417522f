#!/usr/bin/env bash
# client.sh PROGRAM: every command that talks to a server, against a real one.
set -uo pipefail
program=$(realpath "$1")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
unset NO_COLOR "${!COREMACHINE_@}"
export HOME=$work
failed=0
checks=0
fail() { failed=$((failed + 1)); printf 'FAILED: %s\n' "$*"; }

# start ARGUMENT…: a server on a free port; its address is in $COREMACHINE_SERVER from then on.
start() {
  local line
  rm -f port
  mkfifo port
  "$program" serve --listen "${listen:-127.0.0.1:0}" --log-level error "$@" >port 2>log &
  server=$!
  read -r line <port || { cat log; exit 1; }
  export COREMACHINE_SERVER=${line#listening on }
}
stop() {
  local code
  kill -TERM "$server"
  wait "$server"
  code=$?
  checks=$((checks + 1))
  [ "$code" = 0 ] || fail "the server ends with $code: $(cat log)"
  server=
}

# expect EXIT STDOUT STDERR ARGUMENT…: the patterns are extended regular expressions; "-" means that nothing is said.
expect() {
  local code=$1 out=$2 err=$3 got
  shift 3
  checks=$((checks + 1))
  "$program" "$@" >out 2>err </dev/null
  got=$?
  matches() { if [ "$1" = - ]; then [ ! -s "$2" ]; else tr '\n' ' ' <"$2" | grep -qE -- "$1"; fi; }
  if [ "$got" != "$code" ] || ! matches "$out" out || ! matches "$err" err; then
    fail "coremachine $*"
    printf '  exit %s (expected %s)\n  stdout: %s\n    expected: %s\n  stderr: %s\n    expected: %s\n' \
      "$got" "$code" "$(head -c 400 out)" "$out" "$(head -c 400 err)" "$err"
  fi
}
# Waits until the output of a command has a text in it.
until_said() {
  local text=$1
  shift
  until "$program" "$@" 2>/dev/null | grep -q -- "$text"; do read -rt 0.05 <>"$work/never" || true; done
}
mkfifo never

# ---- nobody there, or somebody else ----
expect 4 - 'cannot reach http://127.0.0.1:1: .*serve. starts one.*comes from --server' jobs list --server http://127.0.0.1:1
expect 4 - '^coremachine: cannot reach http://127.0.0.1:1: [^`]*$' jobs list --server http://127.0.0.1:1 -q
expect 2 - '--server: takes http://HOST:PORT or https://HOST:PORT, and not "nowhere"' jobs list --server nowhere
COREMACHINE_SERVER=nowhere expect 2 - 'COREMACHINE_SERVER: takes' jobs list
COREMACHINE_REQUEST_TIMEOUT=soon expect 2 - 'COREMACHINE_REQUEST_TIMEOUT takes a duration' jobs list

start --store sqlite:a.db --workers 2

# ---- submit ----
expect 0 '"greeting": "Welcome"' 'stage 1  1/1 tasks' submit hello_world '{"message": "Welcome"}' --wait
expect 0 '"greeting": "Welcome"' - submit hello_world -p message=Welcome --wait -q
expect 0 '"status":"completed".*"greeting":"Hello"' - submit hello_world --wait -q -o jsonl
expect 0 '"status": "completed",' . submit hello_world --wait -o json
expect 0 '^[A-Za-z0-9_-]+ $' 'coremachine jobs watch' submit hello_world
expect 0 '"job_id": .*"job_type": "hello_world"' - submit hello_world -o json
expect 3 - 'hello_wrld.*nearest: hello_world.*coremachine types' submit hello_wrld
expect 3 - '^coremachine: unknown job type [^:]*: hello_world $' submit hello_wrld -q
expect 3 - '^coremachine: no-such: coremachine: [^`]*$' jobs show no-such -q no-such
expect 2 - '#/count .*#/nope ' submit fan_out '{"count": -1, "nope": 1}' -q
expect 2 - '#/count is missing' submit fan_out
expect 2 - '#/count .*#/nope ' submit fan_out '{"count": -1, "nope": 1}'
expect 2 - 'not JSON' submit hello_world '{"message": '
expect 2 - 'priority' submit hello_world --priority 101
expect 0 '"priority": -7,.*"tags": \[ *"a", *"b"' - submit hello_world --priority -7 --tag a --tag b -o json
expect 0 '"status": "scheduled"' - submit hello_world --delay 1h --tag later -o json
expect 2 - 'delay' submit hello_world --delay soon
expect 2 - '--wait-timeout takes a duration' submit hello_world --wait-timeout soon
expect 1 - '^coremachine: job [^ ]+ is failed: [^`]*$' submit fan_out -p count=10 -p fail_percent=50 -p fail_attempts=9 --wait -q
expect 1 - 'job ([^ ]+) is failed.*coremachine jobs tasks \1 --status failed' submit fan_out -p count=10 -p fail_percent=50 -p fail_attempts=9 --wait
expect 124 - 'timeout of 50 ms' submit fan_out -p count=1 -p sleep_ms=60000 --timeout 50ms --wait -q
expect 124 - 'the job goes on.*jobs watch' submit fan_out -p count=1 -p sleep_ms=60000 --wait-timeout 50ms --tag slow
first=$("$program" submit hello_world --idempotency-key k -q)
expect 0 "^$first " 'submitted before' submit hello_world --idempotency-key k
expect 5 - 'k' submit hello_world '{"message": "other"}' --idempotency-key k
echo '{"message": "from a file"}' >params.json
expect 0 'from a file' . submit hello_world @params.json --wait
checks=$((checks + 1))
echo '{"message": "from the input"}' | "$program" submit hello_world - --wait -q | grep -q 'from the input' || fail 'params on standard input'

# ---- lists and forms ----
expect 0 '^ID +TYPE +STATUS .*hello_world' - jobs list
expect 0 '"items": \[' - jobs list -o json
expect 0 '^\{"job_id":' - jobs list -o jsonl
expect 0 '^ID [^\n]*$' - jobs list --type nothing.like.it
expect 2 - 'status' jobs list --status odd
expect 0 'scheduled' - jobs list --status scheduled --tag later --since 1h
expect 2 - 'limit' jobs list --limit 1000
expect 2 - 'cursor' jobs list --cursor nonsense
expect 0 . 'there are more: --all' jobs list --limit 2
checks=$((checks + 1))
all=$("$program" jobs list --all --limit 3 -o jsonl | wc -l)
[ "$all" = "$("$program" jobs list --all -o jsonl | wc -l)" ] && [ "$all" -gt 10 ] || fail "all pages are $all jobs"
checks=$((checks + 1))
exec 3> >(exit 0)
wait $!
"$program" jobs list --all --limit 1 -o jsonl >&3 2>err
code=$?
exec 3>&-
{ [ "$code" = 141 ] && [ ! -s err ]; } || fail "a list that nobody reads: $code $(cat err)"
COREMACHINE_OUTPUT=jsonl expect 0 '^\{"job_id":' . jobs list --limit 1

# ---- one job ----
expect 0 'status +completed.*STAGE +ROUND' - jobs show "$first"
expect 0 '"job_id": "'"$first" - jobs show "$first" -o json
expect 0 '^\[' - jobs show "$first" "$first" -o json
expect 3 - 'no-such.*jobs list' jobs show no-such
expect 3 . 'no-such' jobs show "$first" no-such
expect 0 'Hello' 'stage 1' jobs watch "$first"
expect 0 '^\{"event":"job.accepted".*"event":"job.completed"' . jobs watch "$first" -o jsonl
expect 0 'STAGE +ROUND +INDEX.*greet +completed' - jobs tasks "$first"
expect 0 'RESULT.*output' - jobs tasks "$first" --expand result
expect 0 '"items"' - jobs tasks "$first" -o json
expect 0 "$first is completed" - jobs explain "$first"
later=$("$program" jobs list --tag later -o jsonl | sed -E 's/.*"job_id":"([^"]*)".*/\1/')
expect 0 'scheduled' - jobs explain "$later"
expect 5 - 'coremachine jobs show' jobs cancel "$first"
expect 5 - . jobs resume "$first"
expect 5 - . jobs retry "$first"

# ---- actions ----
slow=$("$program" submit fan_out -p count=1 -p sleep_ms=3600000 --tag slow -q)
expect 0 "^$slow  paused" - jobs pause "$slow"
expect 0 "^$slow  " - jobs resume "$slow"
expect 0 "^$slow  " - jobs signal "$slow" go '{"by": "Ada"}'
expect 2 - 'not JSON' jobs signal "$slow" go '{'
expect 124 - 'the job goes on' jobs watch "$slow" --wait-timeout 20ms
expect 124 - "^coremachine: stopped watching $slow; the job goes on $" jobs watch "$slow" --wait-timeout 20ms -q
expect 124 '"status": "running"' 'the job goes on' jobs watch "$slow" --wait-timeout 20ms -o json
expect 5 - . jobs rm "$slow"
expect 0 "^$slow  cancel" - jobs cancel "$slow"
expect 1 - "job $slow is cancelled" jobs watch "$slow" -q
expect 0 ' 0/1, 1 cancelled ' - jobs show "$slow"
expect 0 "^$slow  queued" - jobs retry "$slow"
expect 0 '^(1 job matches|[0-9]+ jobs match);' - jobs cancel --all-matching --tag slow --dry-run
expect 0 '^(1 job|[0-9]+ jobs) matched, [1-9]' - jobs cancel --all-matching --tag slow
expect 1 - . jobs watch "$slow" -q
expect 0 '"matched": 0' - jobs cancel --all-matching --tag nothing -o json
expect 2 - 'at least one of' jobs cancel --all-matching
expect 2 - 'both' jobs cancel --all-matching --tag a "$slow"
expect 2 - 'go with --all-matching' jobs cancel --tag a
expect 2 - 'which job' jobs rm
expect 0 "^$slow  deleted" - jobs rm "$slow"
expect 3 - . jobs rm "$slow"

# ---- Ctrl-C ends the watching and not the job ----
slow=$("$program" submit fan_out -p count=1 -p sleep_ms=3600000 --tag slow -q)
checks=$((checks + 1))
"$program" jobs watch "$slow" -o jsonl >events 2>err &
watcher=$!
until grep -q stage.started events; do read -rt 0.05 <>never || true; done
kill -INT "$watcher"
wait "$watcher"
code=$?
{ [ "$code" = 130 ] && grep -q "jobs watch $slow.*jobs cancel $slow" err; } || fail "an interrupt: $code $(cat err)"
expect 0 'running' - jobs show "$slow"
checks=$((checks + 1))
"$program" tasks execute echo -p i=1 -p sleep_ms=3600000 --wait 2>err &
watcher=$!
until grep -q '^SigBlk:.*4202$' "/proc/$watcher/status"; do read -rt 0.05 <>never || true; done
kill -TERM "$watcher"
wait "$watcher"
code=$?
one=$(sed -n 's/.*stopped watching \([^;]*\);.*/\1/p' err)
{ [ "$code" = 130 ] && grep -q "jobs watch $one.*jobs cancel $one" err; } || fail "an interrupt: $code $(cat err)"
expect 0 "^$one  cancel" - jobs cancel "$one"
"$program" jobs cancel "$slow" >/dev/null

# ---- registries, limits, queues ----
expect 0 'NAME .*hello_world' - types
expect 0 '"name": "hello_world"' - types list -o json
expect 0 'params_schema' - types show hello_world
expect 3 - 'nearest: hello_world.*coremachine types' types show hello_wrld
expect 0 'greet' - tasks list --tag builtin
expect 0 '^\[\] $' - tasks list --tag nothing -o json
expect 0 'greet' - tasks show greet -o json
expect 0 '"output": "Hi"' - tasks execute greet -p message=Hi --wait
expect 0 '"error": null' - tasks execute greet -p message=Hi --wait -o json
expect 0 '^\{"job_id":"[^"]+","task_name":"greet","status":"completed","params":\{"message":"Hi"},"result":\{"output":"Hi"},"error":null} $' \
  - tasks execute greet -p message=Hi --wait -o jsonl
expect 1 '"task_name":"echo","status":"failed".*"result":null,"error":\{"type":"asked_to_fail","message":"echo was' 'asked_to_fail' \
  tasks execute echo -p i=1 -p fail_attempts=9 --wait -o jsonl
expect 0 '"task_name":"echo","status":"completed","params":\{"i":1,"payload_bytes":1048576},"result":\{"[$]artifact":"sha256-.*"error":null' \
  - tasks execute echo -p i=1 -p payload_bytes=1048576 --wait -o jsonl
expect 1 - '^coremachine: the task failed: asked_to_fail: echo was' tasks execute echo -p i=1 -p fail_attempts=9 --wait
expect 124 '"task_name":"echo","status":"(queued|running)".*"result":null,"error":null' 'the job goes on' \
  tasks execute echo -p i=1 -p sleep_ms=3600000 --wait-timeout 20ms -o jsonl
expect 0 '^1 job matched, 1 changed $' - jobs cancel --all-matching --type execute_task --status queued --status running
expect 0 '^[A-Za-z0-9_-]+ $' 'jobs watch' tasks execute greet
expect 3 - 'nearest: greet' tasks execute gret
expect 2 - . tasks execute greet -p nonsense=1
expect 0 'echo +4 +- ' - limits set echo --max-concurrency 4
expect 0 'echo +4 +20' - limits set echo --rate 20
expect 0 '"max_concurrency": 4' - limits -o json
expect 2 - 'which limit' limits set echo
expect 3 - 'nearest' limits set ehco --rate 1
expect 2 - 'burst' limits set greet --burst 1
expect 0 'echo  removed' - limits rm echo
expect 0 'NAME' - workers
expect 0 '"items"' - workers list -o json
expect 0 'NAME +WAITING' - queues
expect 0 'greet .*true' - queues pause greet
waiting=$("$program" tasks execute greet -q)
until_said paused jobs explain "$waiting"
expect 0 'greet .*false' - queues resume greet
expect 0 . . jobs watch "$waiting"
expect 2 - 'options come after' limits -o json show

# ---- schedules ----
expect 0 'nightly +hello_world +30 2 \* \* MON-FRI  Europe/Berlin' - \
  schedules create hello_world --id nightly --cron '30 2 * * MON-FRI' --time-zone Europe/Berlin -p message=Hi
expect 0 '"every": "15m"' - schedules create hello_world --id often --every 15m --overlap allow --paused -o json
expect 5 - 'nightly' schedules create hello_world --id nightly --every 1h
expect 3 - 'nearest: hello_world.*coremachine types' schedules create hello_wrld --every 1h
expect 2 - 'either --cron or --every' schedules create hello_world
expect 2 - '#/cron ' schedules create hello_world --cron 'at noon'
expect 0 'nightly.*often' - schedules list
expect 0 '"items"' - schedules list -o json
expect 0 'next_times' - schedules show nightly
expect 0 '"cron": "0 3 \* \* \*"' - schedules update nightly --cron '0 3 * * *' -o json
expect 0 '"time_zone": "Europe/Berlin"' - schedules show nightly -o json
expect 0 '"every": "1h"' - schedules update nightly --every 1h -o json
expect 0 'often' - schedules resume often
expect 0 '"status": "paused"' - schedules pause often -o json
expect 0 . - schedules run nightly
expect 0 'nightly  deleted' - schedules rm nightly
expect 3 - 'coremachine schedules list' schedules show nightly

# ---- a server that goes away comes back, and the watching goes on ----
slow=$("$program" submit fan_out -p count=1 -p sleep_ms=1500 --tag slow -q)
: >events
"$program" jobs watch "$slow" -o jsonl >events 2>err &
watcher=$!
until grep -q stage.started events; do read -rt 0.05 <>never || true; done
listen=${COREMACHINE_SERVER#http://}
kill -9 "$server"
wait "$server" 2>/dev/null
start --store sqlite:a.db --workers 2
unset listen
checks=$((checks + 1))
wait "$watcher"
code=$?
{ [ "$code" = 0 ] && grep -q 'job.completed' events; } || fail "watching over a restart: $code $(cat events err)"
stop

# ---- tokens ----
printf 't0p-secret-of-the-admin admin\nwho-only-reads-is-this read\n' >tokens
chmod 600 tokens
start --store memory: --token-file tokens
expect 5 - 'give a token' jobs list
COREMACHINE_TOKEN=wrong expect 5 - 'the token from COREMACHINE_TOKEN is not' jobs list
COREMACHINE_TOKEN=who-only-reads-is-this expect 5 - . submit hello_world
COREMACHINE_TOKEN=t0p-secret-of-the-admin expect 0 'ID' - jobs list
expect 0 'ID' - jobs list --token-file tokens
stop

# ---- TLS ----
if command -v openssl >/dev/null; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 2 \
    -subj /CN=localhost -addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null
  start --store memory: --tls-cert cert.pem --tls-key key.pem
  expect 4 - 'certificate is not to be trusted.*--ca-file' types
  expect 0 'hello_world' - types --ca-file cert.pem
  expect 0 'Hello' . submit hello_world --wait --ca-file cert.pem
  expect 4 - 'certificate' types --ca-file cert.pem --server "https://localhost:${COREMACHINE_SERVER##*:}"
  expect 2 - '--ca-file: cannot be read .No such file or directory' types --ca-file none.pem
  expect 2 - '--tls-key: none.pem: cannot read the key: No such file' \
    serve --store sqlite:tls.db --tls-cert cert.pem --tls-key none.pem
  expect 2 - '--tls-cert: key.pem: not a certificate' serve --store sqlite:tls.db --tls-cert key.pem --tls-key key.pem
  COREMACHINE_TLS_KEY=params.json expect 2 - 'COREMACHINE_TLS_KEY: --tls-key: params.json: not a private key' \
    serve --store sqlite:tls.db --tls-cert cert.pem
  checks=$((checks + 1))
  [ ! -e tls.db ] || fail 'a store was made for a server that cannot serve'
  expect 4 - . types --server "http://${COREMACHINE_SERVER#https://}"
  stop
fi

# ---- configuration ----
unset COREMACHINE_SERVER
cat >coremachine.toml <<'TOML'
output = "json"
[client]
server = "http://127.0.0.1:1"
token = "hidden"
TOML
expect 0 'client.server +http://127.0.0.1:1 .*client.token +\*+ ' 'read coremachine.toml' config show -o table
expect 0 '"client.server": \{ *"value": "http://127.0.0.1:1", *"origin": "coremachine.toml:3"' . config show --origin
COREMACHINE_STORE=memory: expect 0 'store +memory: +COREMACHINE_STORE' . config show --origin -o table
COREMACHINE_STROE=memory: expect 0 . 'unknown variable "COREMACHINE_STROE"; nearest: COREMACHINE_STORE' config show
expect 4 - 'the address comes from coremachine.toml:3' types
echo 'stroe = 1' >>coremachine.toml
expect 2 - 'coremachine.toml:5: unknown setting "client.stroe"' types
expect 2 - 'cannot read the configuration file none.toml' types --config none.toml
expect 0 'hello_world' . run hello_world -p message=hello_world --config /dev/null
expect 0 'output +table +default' 'read /dev/null' config show --origin --config /dev/null

echo "$checks checks, $failed failed"
[ "$failed" = 0 ]
