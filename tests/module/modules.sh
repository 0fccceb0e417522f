#!/usr/bin/env bash
# modules.sh PROGRAM FOLDER LIBRARY: the program loads the modules in the folder, or says why it does not. LIBRARY is
# libcoremachine.so, or an archive if that is what was built.
set -uo pipefail
program=$(realpath "$1")
modules=$(realpath "$2")
library=$(realpath "$3")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"
unset COREMACHINE_MODULES COREMACHINE_MODULE_DIR COREMACHINE_ALLOW_SOURCE
failed=0
checks=0

fail() {
  failed=$((failed + 1))
  printf 'FAILED: %s\n' "$*"
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
    fail "$(printf 'coremachine %s\n  exit %s (expected %s)\n  stdout: %s\n    expected: %s\n  stderr: %s\n    expected: %s' \
      "$*" "$got" "$code" "$(head -c 300 out)" "$out" "$(head -c 600 err)" "$err")"
  fi
}
refused() { expect 2 - "$1" run hello_world -q "${@:2}"; }

# ---- there is one engine: that of the program ----
for name in plain macro linked linked_macro; do
  expect 0 '^\{"same":true\} $' - run "${name}_job" -q -o jsonl --module "$modules/lib$name.so"
done
expect 0 '"same":true' - run linked_job -q -o jsonl --module "$modules/libplain.so" --module "$modules/libmacro.so" \
  --module "$modules/liblinked.so"
# Whatever the library shows to modules the program shows too.
if [[ $library == *.so* ]]; then
  shown() { nm -DC --defined-only "$1" | cut -d ' ' -f 2- | grep -E '^[BDRTVW] ((vtable|typeinfo|typeinfo name) for )?coremachine::' | cut -c 3- | sort -u; }
  shown "$library" >of_library
  shown "$program" >of_program
  checks=$((checks + 1))
  [ -s of_library ] || fail "the library shows nothing"
  missing=$(comm -23 of_library of_program)
  [ -z "$missing" ] || fail "the library has what the program does not show: $missing"
fi

# ---- the sample: references and objects ----
expect 0 '^\{"count":5\} $' - run count_words -q -o jsonl --module "$modules/libwords.so" -p 'texts=["one two", "three four five"]'
expect 0 '^\{"count":1\} $' - run count_words -q -o jsonl --module "$modules/libwords.so" -p 'texts=["one two", "three"]' -p longer_than=4
expect 2 - '/texts is missing' run count_words --module "$modules/libwords.so"

# ---- where modules are found ----
expect 0 same - run plain_job -q -o jsonl --module-dir "$modules" --module plain
expect 0 same - run plain_job -q -o jsonl --module-dir "$modules" --module libplain.so
expect 0 same - run plain_job -q -o jsonl --module-dir "$modules" --module "$modules/libplain.so"
COREMACHINE_MODULES=$modules/libplain.so,$modules/libmacro.so expect 0 same - run macro_job -q -o jsonl
COREMACHINE_MODULE_DIR=$modules COREMACHINE_MODULES=plain expect 0 same - run plain_job -q -o jsonl
mkdir -p here/lib
cp "$modules/libplain.so" here/lib/
printf 'modules = ["./lib/libplain.so"]\n' >here/coremachine.toml
expect 0 same - run plain_job -q -o jsonl --config here/coremachine.toml
expect 0 'modules +\./lib|here/lib/libplain.so' . config show -o table --config here/coremachine.toml
cp "$modules/libplain.so" here/
printf 'modules = ["libplain.so"]\n' >here/coremachine.toml
expect 0 same - run plain_job -q -o jsonl --config here/coremachine.toml
refused 'libplain.so: there is no such file; looked for libplain.so' --config here/coremachine.toml --module libplain.so
printf 'modules = ["plain"]\nmodule_dir = "lib"\n' >here/coremachine.toml
expect 0 same - run plain_job -q -o jsonl --config here/coremachine.toml

# ---- and where not ----
ln -s "$modules/libplain.so" here/lib/liboutside.so
ln -s here/lib inside
refused 'libplain.so: it is outside of .*/here/lib, and modules are loaded from there alone' --module-dir here/lib --module "$modules/libplain.so"
refused 'outside \(.*/libplain.so\): it is outside of' --module-dir here/lib --module outside
refused 'it is outside of' --module-dir here/lib --module "here/lib/../../../$(basename "$work")/here/coremachine.toml"
expect 0 same - run plain_job -q -o jsonl --module-dir inside --module here/lib/libplain.so
refused 'the folder for modules, nowhere, is not there' --module-dir nowhere --module plain
refused 'nothing.so: there is no such file; looked for nothing.so' --module nothing.so
refused 'nothing: there is no such file; looked for .*/nothing, .*/libnothing.so, nothing' --module-dir "$modules" --module nothing

# ---- what is no module for this program ----
echo text >text.so
refused 'text.so: it is no shared library' --module ./text.so
if [[ $library == *.so* ]]; then
  refused 'it is no module of CoreMachine: it has no coremachine_module_v1, which the line COREMACHINE_MODULE' --module "$library"
fi
changed() { perl -0777 -pe "$1" "$modules/libplain.so" >"$2" && ! cmp -s "$modules/libplain.so" "$2" || fail "nothing was changed for $2"; }
changed 's/(coremachine module stamp\n1\n)\d/${1}9/' engine.so
refused 'engine.so: it was built for CoreMachine 9\..*: build it again' --module ./engine.so
changed 's/(coremachine module stamp\n1\n[^\n]*\n)1\d\d(\d+)/${1}107$2/' boost.so
refused 'boost.so: it was built with Boost 1\.7.*their types differ' --module ./boost.so
changed 's/(coremachine module stamp\n1\n[^\n]*\n[^\n]*\n)lib/${1}LIB/' abi.so
refused 'abi.so: it was built with "LIB' --module ./abi.so
changed 's/(coremachine module stamp\n)1\n/${1}8\n/' described.so
refused 'described.so: it describes itself in version 8' --module ./described.so
head -c 20000 "$modules/libplain.so" >cut.so
refused 'cut.so: it (is no module|cannot be linked)' --module ./cut.so
changed 's/coremachine_module_v1/coremachine_module_v0/g' entry.so
refused 'entry.so: it has no coremachine_module_v1' --module ./entry.so

# ---- what goes wrong with one ----
refused 'libundefined.so: it cannot be linked: .*coremachine_nobody_defines_this' --module "$modules/libundefined.so"
refused 'libthrows.so: what it registers: there is no configuration' --module "$modules/libthrows.so"
refused 'libtakes_builtin.so: what it registers: .*task "greet" is registered twice: at .*and at .*module.cpp' --module "$modules/libtakes_builtin.so"
refused 'libtakes_by_macro.so: .*task "macro.where" is registered twice' --module "$modules/libmacro.so" --module "$modules/libtakes_by_macro.so"
refused 'libplain.so: it is named twice' --module "$modules/libplain.so" --module "$modules/../modules/libplain.so"
refused 'it is called "plain", and so is .*/modules/libplain.so' --module "$modules/libplain.so" --module here/lib/libplain.so

# ---- a server has what its modules have ----
mkfifo said
"$program" serve --listen 127.0.0.1:0 --store memory: --module-dir "$modules" --module words --module plain --allow-source sh >said 2>log &
server=$!
read -r _ _ url <said
export COREMACHINE_SERVER=$url
expect 0 '"count": 2' . submit count_words -p 'texts=["one two"]' --wait
expect 0 '"same": true' - tasks execute plain.where --wait
expect 0 'words.split' - tasks list
expect 0 '"n": 3' - tasks execute coremachine.source --wait \
  '{"serialized_task": {"strategy": "source", "payload": {"interpreter": "sh", "source": "cat"}}, "params": {"n": 3}}'
expect 2 - 'strategy' tasks execute coremachine.source --wait \
  '{"serialized_task": {"strategy": "marshal", "payload": {}}, "params": {"n": 3}}'
expect 1 - 'the interpreter .*python3.* is not allowed here; allowed: sh' tasks execute coremachine.source --wait \
  '{"serialized_task": {"strategy": "source", "payload": {"interpreter": "python3", "source": "1"}}}'
kill "$server"
wait "$server"
[ $? = 0 ] || fail "the server ended badly: $(tail -n 3 log)"
server=
grep -q 'module loaded module=words version=1.0 path=.*libwords.so job_types=1 tasks=1' log || fail "the log does not tell of the module: $(cat log)"

# ---- source in `run`: not without being told ----
expect 2 - 'interpreter "nosuch" is in no folder of PATH' run hello_world -q --allow-source nosuch

echo "$checks checks, $failed failed"
[ "$failed" = 0 ]
