#!/usr/bin/env bash
# cli.sh PROGRAM: what the program says and tells the shell, as a user meets it.
set -uo pipefail
program=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset NO_COLOR COREMACHINE_STORE COREMACHINE_WORKERS COREMACHINE_LOG_LEVEL COREMACHINE_LOG_FORMAT
failed=0
checks=0

# expect EXIT STDOUT STDERR ARGUMENT…: the patterns are extended regular expressions; "-" means that nothing is said.
expect() {
  local code=$1 out=$2 err=$3 got
  shift 3
  checks=$((checks + 1))
  "$program" "$@" >out 2>err </dev/null
  got=$?
  matches() { if [ "$1" = - ]; then [ ! -s "$2" ]; else tr '\n' ' ' <"$2" | grep -qE -- "$1"; fi; }
  if [ "$got" != "$code" ] || ! matches "$out" out || ! matches "$err" err; then
    failed=$((failed + 1))
    printf 'FAILED: coremachine %s\n  exit %s (expected %s)\n  stdout: %s\n    expected: %s\n  stderr: %s\n    expected: %s\n' \
      "$*" "$got" "$code" "$(head -c 300 out)" "$out" "$(head -c 300 err)" "$err"
  fi
}

# ---- the built-in jobs ----
expect 0 '"greeting": "Welcome"' 'stage 1' run hello_world '{"message": "Welcome"}'
expect 0 '^\{"greeting":"Hello"\} $' - run hello_world -q -o jsonl
expect 0 '"greeting": "12"' . run hello_world -p message='"12"'
expect 0 '"count": 100,.*"succeeded": 100,.*"failed": 0,.*"sum": 4950' . run fan_out -p count=100
expect 0 '"count": 0,.*"sum": 0' . run fan_out -p count=0
expect 1 - 'too_many|failed' run fan_out -p count=100 -p fail_percent=10 -p fail_attempts=9
expect 0 '"succeeded": 90,.*"failed": 10' . run fan_out -p count=100 -p fail_percent=10 -p fail_attempts=9 -p join=best_effort
expect 1 - 'completed, and its join asks for at least 6' run fan_out -p count=5 -p join='{"at_least":6}'
expect 1 '^\{"job_id":"[^"]+","status":"failed","error":\{"code":"[^"]+".*}} $' . \
  run fan_out -p count=5 -p join='{"at_least":6}' -o jsonl
expect 124 '"status": "failed", *"error": \{ *"code": "job_timeout"' . \
  run fan_out -p count=1 -p sleep_ms=60000 --timeout 50ms -q -o json
mkdir -p tree/sub && echo one >tree/a.txt && echo two >tree/sub/b.txt
expect 0 '"blob_count": 2,.*"total_blobs": 2,.*"total_size": 8' . run list_container -p container_name=tree
expect 0 '"blob_count": 1' . run list_container -p container_name=tree -p prefix=sub/

# ---- a password is for the database alone ----
export COREMACHINE_STORE='postgres://me:secret@db.example/jobs?password=secret'
expect 0 'store +postgres://me@db.example/jobs' - config show
checks=$((checks + 1))
if "$program" config show 2>&1 | grep -q secret; then
  failed=$((failed + 1))
  echo 'FAILED: coremachine config show tells the password of a store'
fi
unset COREMACHINE_STORE
tells_no_secret() {
  checks=$((checks + 1))
  if "$program" "$@" 2>&1 </dev/null | grep -q secret; then
    failed=$((failed + 1))
    echo "FAILED: coremachine $* tells a password"
  fi
}
export COREMACHINE_QUEUE='redis://:secret@q.example/1?prefix=p&password=secret'
export COREMACHINE_SERVER='http://me:secret@s.example:8080' COREMACHINE_ARTIFACTS='http://me:secret@a.example'
expect 0 'client.server +http://me@s.example:8080 .*queue +redis://@q.example/1\?prefix=p .*http://me@a.example' - config show
for words in 'config show' 'config show --origin -o json' 'types' 'serve --queue qedis://:secret@a' \
  'worker --queue qedis://a/?password=secret' 'types --server me:secret@a' 'serve --queue me:secret@a' \
  'types --server http://me:secret@a:b'; do
  # shellcheck disable=SC2086
  tells_no_secret $words
done
echo 'store = ["postgres://me:secret@a/b"]' >secret.toml
tells_no_secret config show --config secret.toml
unset COREMACHINE_QUEUE COREMACHINE_SERVER COREMACHINE_ARTIFACTS

# ---- what is wrong is named ----
expect 2 - '^Durable multi-stage workflows.*Usage: coremachine .*jobs .*schedules '
expect 2 - '^Jobs of a server.*Usage: coremachine jobs .*cancel ' jobs
expect 2 - '^coremachine: TYPE is required; `coremachine submit --help` says more $' submit
expect 2 - '^coremachine: [^;]*--limit[^;]*; `coremachine jobs list --help` says more $' jobs list --limit
expect 0 '^Durable multi-stage workflows.*Usage: coremachine .*schedules ' - help
expect 0 '^Jobs of a server.*Usage: coremachine jobs .*cancel ' - help jobs
expect 0 '^List jobs.*Usage: coremachine jobs list .*--status' - help jobs list
expect 2 - 'unknown command of `coremachine jobs` "lst"; nearest: list' help jobs lst
expect 2 - 'unknown command of `coremachine` "vresion"; nearest: version' vresion
expect 2 - 'unknown command of `coremachine db` "chek"; nearest: check' db chek
expect 3 - 'unknown job type "hello_wrld"; nearest: hello_world' run hello_wrld
expect 2 - '/count is missing' run fan_out
expect 2 - '/count .*integer' run fan_out -p count=true
expect 2 - '/count' run fan_out -p count=10000001
expect 2 - '2 faults in the params.*/count.*/nope' run fan_out '{"count": -1, "nope": 1}'
expect 2 - 'JSON' run hello_world '{"message": '
expect 2 - 'JSON' run hello_world '{"message": "a", "message": "b"}'
expect 2 - 'workers' run hello_world --workers 0
expect 2 - 'takes table, json or jsonl' run hello_world -o yaml
expect 2 - 'a duration such as' run hello_world --timeout soon
expect 0 '^coremachine [0-9]' - version
expect 0 '^coremachine [0-9]' - --version
expect 2 - '--timeout is empty: leave it out' run hello_world --timeout= -q
expect 2 - '--output is empty: leave it out' run hello_world -o ''
expect 2 - 'PARAMS is empty: leave it out' run hello_world ''
expect 2 - '--until is empty' jobs rm --all-matching --status completed --until ''
expect 2 - '--priority is empty' submit hello_world --priority= 5
expect 0 '"greeting": ""' . run hello_world -p message=
expect 124 - 'timeout of 50 ms' run fan_out -p count=1 -p sleep_ms=60000 --timeout 50ms -q

# ---- the log ----
expect 0 . '^[0-9T:.-]+Z info the machine has started store=memory: .* info the machine has stopped unfinished_jobs=0 $' \
  run hello_world -q --log-level info
expect 0 . '^\{"time":"[^"]+","level":"info","message":"[^"]+".*"level":"debug","message":"job accepted","job_id":"[0-9A-Z]{26}".*"status":"completed"' \
  run hello_world -q --log-level debug --log-format json
expect 1 - ' warn job ended job_id=[0-9A-Z]{26} job_type=fan_out status=failed code=task_failed ' \
  run fan_out -p count=100 -p fail_percent=10 -p fail_attempts=9 -q --log-level warn
expect 0 . - run hello_world -q --log-level off
expect 2 - 'log-level takes debug, info, warn, error or off, and not "loud"' run hello_world --log-level loud
expect 2 - 'log-format takes text or json, and not "xml"' run hello_world --log-format xml

# ---- stores ----
expect 0 . . run fan_out -p count=2000 --store sqlite:a.db
expect 0 'sound: 1 jobs?, 2,001 tasks' - db check --store sqlite:a.db
expect 0 '"sound": true' - db check --store sqlite:a.db -o json
expect 0 '"tasks_finished": 2001' - db stats --store sqlite:a.db -o json
expect 0 'copied' - db backup --store sqlite:a.db sqlite:b.db
expect 0 'sound' - db check --store sqlite:b.db
expect 3 - 'there is no store' db check --store sqlite:none.db
expect 2 - '--store: takes a store that outlives a program, and not "memory:"' db check --store memory:
expect 2 - '--store: takes a store that outlives' db backup --store memory: sqlite:c.db
COREMACHINE_STORE=memory: expect 2 - 'COREMACHINE_STORE: takes a store that outlives' db stats

# ---- large values: files beside the store ----
printf '{"message": "%s"}' "$(head -c 2000000 /dev/zero | tr '\0' a)" >big.json
expect 0 '"greeting": "aaaaaa' . run hello_world @big.json --store sqlite:big.db
expect 0 'sound: 1 jobs?, 1 tasks, [0-9]+ artifacts' - db check --store sqlite:big.db
expect 0 '"artifact_bytes": [1-9]' - db stats --store sqlite:big.db -o json
expect 0 'copied' - db backup --store sqlite:big.db sqlite:big-copy.db
expect 0 'sound: .* artifacts' - db check --store sqlite:big-copy.db
rm -rf big-copy.db-artifacts
expect 1 'there is no artifact store, and jobs name the artifact sha256-' - db check --store sqlite:big-copy.db
expect 2 - 'there is no directory' run hello_world --store sqlite:none/a.db -q
echo "this is no database at all, whatever it is called" >text.db
expect 1 'not sound' - db check --store sqlite:text.db
expect 1 '"sound": false' - db check --store sqlite:text.db -o json

# ---- damage is found ----
damage() {
  cp a.db damaged.db
  sqlite3 damaged.db "$1" || { echo "FAILED: the damage cannot be done: $1"; failed=$((failed + 1)); }
  expect 1 "$2" - db check --store sqlite:damaged.db
}
damage "UPDATE definition SET body = '[]'" 'definitions of chunk'
damage "UPDATE definition SET body = '[{'" 'definitions of chunk'
damage "UPDATE outcome SET body = '[1]'" 'does not match its count'
damage "UPDATE outcome SET attempt = 0" 'has no attempt'
damage "DELETE FROM outcome WHERE chunk = 0" 'has results of'
damage "UPDATE job SET status = 'bogus'" 'status is unknown'
damage "UPDATE job SET state = '{}'" 'which it does not know'
damage "DELETE FROM round WHERE round = 1" 'its round 1 is missing'
damage "UPDATE meta SET value = 0 WHERE key = 'incarnation'" 'fencing token'
damage "DROP INDEX job_by_type" 'lacks its job_by_type'

# ---- one process at a time, under every name of the file ----
mkfifo hold
"$program" run fan_out -p count=1 -p sleep_ms=3600000 -q --store sqlite:a.db >held 2>&1 &
holder=$!
until [ -s a.db-lock ]; do read -rt 0.05 <>hold || true; done
expect 4 - "open already by process $holder" run hello_world --store sqlite:a.db
ln a.db c.db
expect 4 - 'open already, under another name' run hello_world --store sqlite:c.db
checks=$((checks + 1))
kill -INT "$holder"
wait "$holder"
ended=$?
if [ "$ended" != 130 ] || ! grep -q 'interrupted: the job was cancelled' held; then
  echo "FAILED: an interrupt ends with $ended: $(cat held)"
  failed=$((failed + 1))
fi

# ---- what cannot be told was not done ----
checks=$((checks + 1))
"$program" version >/dev/full 2>err
if [ $? != 74 ] || ! grep -q 'cannot write the output: No space left' err; then
  echo "FAILED: version >/dev/full says nothing"
  failed=$((failed + 1))
fi
for words in version --help 'completion bash' 'run hello_world'; do
  checks=$((checks + 2))
  # shellcheck disable=SC2086
  "$program" $words >/dev/full 2>err </dev/null
  code=$?
  [ $code = 74 ] || { echo "FAILED: $words >/dev/full ends with $code"; failed=$((failed + 1)); }
  exec 3> >(exit 0)
  wait $!
  # shellcheck disable=SC2086
  "$program" $words >&3 2>err </dev/null
  code=$?
  exec 3>&-
  if [ $code != 141 ] || grep -q coremachine: err; then
    echo "FAILED: $words into a pipe that nobody reads ends with $code: $(cat err)"
    failed=$((failed + 1))
  fi
done

echo "$checks checks, $failed failed"
[ "$failed" = 0 ]
