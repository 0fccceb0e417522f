#!/usr/bin/env bash
# package.sh TEST: one of the functions below. ctest sets TREE, BUILD, FOLDER (for scratch), LIBRARY, CXX and
# BOOST_INCLUDE.
set -euo pipefail
prefix=$FOLDER/prefix
consumer=$TREE/tests/packaging/consumer

fail() {
  echo "$*"
  exit 1
}

# An empty folder of the test's own.
fresh() {
  rm -rf "${FOLDER:?}/$1"
  mkdir -p "$FOLDER/$1"
}

# expect TEXT COMMAND…: the command prints the text.
expect() {
  local expected=$1 printed
  shift
  printed=$("$@") || fail "$* ended with $?"
  [ "$printed" = "$expected" ] || fail "$* printed: $printed"
}
greeting='{"greeting":"Hello, x"}'

# Builds the project in consumer/ in the test's own folder, with the given options, and runs what it makes.
consume() {
  local folder=$FOLDER/$1
  shift
  cmake -G Ninja -S "$consumer" -B "$folder" -D CMAKE_BUILD_TYPE=None "$@"
  cmake --build "$folder"
  expect "$greeting" "$folder/consumer"
  expect '{"sum":4950}' "$folder/waiting"
}

install() {
  fresh prefix
  cmake --install "$BUILD" --prefix "$prefix"
  local missing=0
  for path in include/coremachine/coremachine.hpp include/coremachine/export.hpp; do
    [ -f "$prefix/$path" ] || missing=1
  done
  [ "$missing" = 0 ] || fail "headers are missing"
  # The public headers and nothing else, and nothing that leads back here.
  diff <(cd "$TREE/include" && find . -type f | sort) <(cd "$prefix/include" && find . -type f | sort) ||
    fail "the installed headers are not those of include/"
  if grep -rlE "coremachine_(core|options)|$TREE|$BUILD" "$prefix" --include='*.cmake' --include='*.pc'; then
    fail "what is only for this tree leaks into the package"
  fi
  # A program that was moved with its library still finds it.
  if [ -x "$prefix/bin/coremachine" ]; then
    mv "$prefix" "$prefix-moved"
    "$prefix-moved/bin/coremachine" version
    mv "$prefix-moved" "$prefix"
  fi
}

find_package() {
  fresh find_package
  consume find_package -D CMAKE_PREFIX_PATH="$prefix"
}

# The component: a program that asks for it reaches PostgreSQL, and one that does not has nothing of libpq.
postgres() {
  fresh postgres
  cmake -G Ninja -S "$TREE/tests/packaging/postgres" -B "$FOLDER/postgres" -D CMAKE_BUILD_TYPE=None \
    -D CMAKE_PREFIX_PATH="$prefix"
  cmake --build "$FOLDER/postgres"
  expect 'with it: store_failed' "$FOLDER/postgres/with"
  expect 'without it: invalid_argument' "$FOLDER/postgres/without"
  if readelf -d "$LIBRARY" "$FOLDER/postgres/without" | grep -q 'libpq'; then fail "libpq is needed without the component"; fi
  if grep -rlE '<libpq-fe.h>|<postgresql/' "$prefix/include"; then fail "a public header includes libpq"; fi
  local component shown
  component=$(find "$prefix" -name 'libcoremachine_postgres.so')
  [ -n "$component" ] || return 0
  shown=$(nm -DC --defined-only "$component" | cut -d ' ' -f 2- | grep -E '^T ' |
    grep -v '^T coremachine::enable_postgres()$' || true)
  [ -z "$shown" ] || fail "the component shows what is not its own:
$shown"
}

# The same for Redis.
redis() {
  fresh redis
  cmake -G Ninja -S "$TREE/tests/packaging/redis" -B "$FOLDER/redis" -D CMAKE_BUILD_TYPE=None \
    -D CMAKE_PREFIX_PATH="$prefix"
  cmake --build "$FOLDER/redis"
  expect 'with it: unreachable' "$FOLDER/redis/with"
  expect 'without it: a machine' "$FOLDER/redis/without"
  if readelf -d "$LIBRARY" "$FOLDER/redis/without" | grep -qE 'libhiredis|libpq'; then
    fail "libhiredis or libpq is needed without the component"
  fi
  if grep -rlE '<hiredis/' "$prefix/include"; then fail "a public header includes hiredis"; fi
}

add_subdirectory() {
  fresh add_subdirectory
  consume add_subdirectory -D COREMACHINE_TREE="$TREE"
}

pkg_config() {
  fresh pkg_config
  local pc flags
  pc=$(find "$prefix" -name coremachine.pc)
  flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --cflags --libs coremachine)
  # shellcheck disable=SC2086
  "$CXX" -std=c++20 "$consumer/consumer.cpp" $flags -o "$FOLDER/pkg_config/consumer"
  expect "$greeting" env LD_LIBRARY_PATH="$(dirname "$(dirname "$pc")")" "$FOLDER/pkg_config/consumer"
}

# The sample of a module, as its author builds it, in the installed program.
module() {
  fresh module
  cmake -G Ninja -S "$TREE/samples/module" -B "$FOLDER/module" -D CMAKE_BUILD_TYPE=None -D CMAKE_PREFIX_PATH="$prefix"
  cmake --build "$FOLDER/module"
  expect '{"count":3}' "$prefix/bin/coremachine" run count_words -q -o jsonl --module-dir "$FOLDER/module" \
    --module words -p 'texts=["one two", "three"]'
}

incomplete_handler() {
  local said message='overrides all four functions: create_stage_tasks'
  if said=$("$CXX" -std=c++20 -fsyntax-only -I"$TREE/include" -I"$BOOST_INCLUDE" \
    "$TREE/tests/packaging/incomplete.cpp" 2>&1); then
    fail "a job handler with one function of four compiles"
  fi
  grep -qF "$message" <<<"$said" || fail "the compiler does not say that it $message:
$said"
  # Whoever meets it should not have to look for it.
  [ "$(grep -c 'error:' <<<"$said")" -le 2 ] || fail "the message drowns in others:
$said"
}

# Each public header compiles alone, without a warning, from the installed tree.
public_headers() {
  local header
  (cd "$prefix/include" && find coremachine -name '*.hpp' | sort) | while IFS= read -r header; do
    echo "#include <$header>" | "$CXX" -std=c++20 -fsyntax-only -Wall -Wextra -Wconversion -Wshadow -Werror \
      -I"$prefix/include" -I"$BOOST_INCLUDE" -x c++ - || fail "$header does not compile alone"
  done
}

# The library shows what the public headers declare. Templates of std and of Boost are instantiated in every library
# and show themselves in each as weak symbols; Asio has to, or its thread-local state would be there twice.
hidden_symbols() {
  local shown stray name
  shown=$(nm -DC --defined-only "$LIBRARY" | cut -d ' ' -f 2-)
  grep -q '^T coremachine::' <<<"$shown" || fail "the library shows nothing"

  stray=$(grep -E '^[A-TX-Z] ' <<<"$shown" |
    grep -vE '^. ((vtable|typeinfo|typeinfo name) for |(non-)?virtual thunk to )?(coremachine|boost::asio)::' |
    grep -vE '^. (boost_asio_[a-z_]+$|boost::assertion_failed(_msg)?\()' || true)
  [ -z "$stray" ] || fail "the library shows what is not its own:
$stray"

  grep -oE '^. ((vtable|typeinfo|typeinfo name) for )?coremachine::[A-Za-z_0-9]+' <<<"$shown" | sed 's/.*:://' | sort -u |
    while IFS= read -r name; do
      grep -rqw "$name" "$TREE/include" || fail "the library shows coremachine::$name, which no public header declares"
    done
}

"$1"
