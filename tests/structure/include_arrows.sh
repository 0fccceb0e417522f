#!/usr/bin/env bash
# include_arrows.sh [ROOT]: reads every #include line of the tree and fails on an arrow between rooms that the table
# below does not draw, and on a folder that it does not know.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

# A room, and what its files may include. A room is core/ROOM with include/coremachine/ROOM, the folder ROOM, or a
# folder of triggers/http: it has rooms of its own.
# Every room may include itself, export.hpp, the standard library, and Boost's system, json and assert.
#   calm    in place of the standard library: what of it has no clock, randomness, threads or I/O
#   busy    of a single file of a calm room: those too
#   posix   <unistd.h>, <sys/…>, …
#   public  every public header
#   any     anything there is
table='
model         :
machine       : calm model
ports         : model
threads       :
schedule      : calm model
telemetry     : model posix
registry      : model telemetry boost/core
tls           : model openssl
params        : model boost/core boost/describe boost/mp11
resolve       : model registry params boost/core posix
module        : resolve registry model boost/version posix
queue         : resolve worker runtime registry telemetry tls model hiredis openssl posix
store         : ports model sqlite3 libpq openssl posix
runtime       : machine threads ports registry params schedule telemetry model boost/asio boost/core openssl posix
client        : model telemetry tls boost/asio boost/beast openssl posix
worker        : client runtime registry telemetry model boost/asio boost/core posix
embed         : runtime store ports registry model
testing       : runtime machine ports registry params model store
front         : public
jobs          : model registry params handlers jobs/raster
jobs/raster   : model registry params handlers handlers/raster jobs
handlers      : model registry params openssl posix
handlers/gdal : model registry params handlers gdal posix
handlers/raster : model registry params handlers handlers/gdal posix
triggers/cli  : any
triggers/http/wire   : model posix
triggers/http/server : triggers/http/wire threads model boost/asio openssl posix
triggers/http/access : triggers/http/wire model openssl posix
triggers/http/pages  :
triggers/http/api    : any
samples       : public boost/asio
tests         : any
bench         : any
'
# Single files that may include more than their room.
more='
include/coremachine/registry/coroutine_handler.hpp : boost/asio
include/coremachine/registry/typed.hpp : params
core/params/pattern.cpp : boost/regex
core/schedule/load_time_zone.cpp : busy
core/embed/postgres/enable_postgres.cpp : front
'

# Reads `path:line:text` and prints what is forbidden.
judge() {
  awk -v table="$table" -v more="$more" '
    function fill(text, into,    lines, i, n, parts, words, j, m) {
      n = split(text, lines, "\n")
      for (i = 1; i <= n; i++) {
        if (split(lines[i], parts, " *: *") < 2) continue
        sub(/ +$/, "", parts[1])
        into[parts[1]] = 1
        m = split(parts[2], words, " ")
        for (j = 1; j <= m; j++) into[parts[1], words[j]] = 1
      }
    }
    # The room of a file of the tree.
    function room_of(path,    part) {
      split(path, part, "/")
      if (part[1] == "core") return part[2]
      if (part[1] == "include") return part[3] ~ /\.hpp$/ ? "front" : part[3]
      if (part[1] == "triggers" && part[2] == "http") return part[1] "/" part[2] "/" part[3]
      if (part[1] == "triggers") return part[1] "/" part[2]
      if (part[1] ~ /^(jobs|handlers)$/ && part[3] != "") return part[1] "/" part[2]
      return part[1]
    }
    # What an #include line names: a room, or one of the words of the table.
    function named(target, quoted,    part, n) {
      n = split(target, part, "/")
      if (quoted) return target ~ /^(core|jobs|handlers|triggers|tests|bench)\// ? room_of(target) : "?"
      if (part[1] == "coremachine") return target == "coremachine/export.hpp" ? "export" : room_of("include/" target)
      if (part[1] == "boost") { sub(/\.hpp$/, "", part[2]); return "boost/" part[2] }
      if (part[1] == "sqlite3.h") return "sqlite3"
      if (part[1] == "hiredis") return "hiredis"
      if (part[1] == "libpq-fe.h") return "libpq"
      if (part[1] ~ /^(gdal|cpl|ogr)[a-z_]*\.h$/) return "gdal"
      if (n == 1 && target !~ /\./) {
        return target ~ busy ? "std busy" : "std"
      }
      if (target ~ posix) return "posix"
      return part[1]
    }
    function allowed(room, path, what, quoted) {
      if ((room, "any") in may) return what != "?" || path ~ /^tests\//
      if (what == room || what == "export" || what == "std" || (path, what) in extra || (room, what) in may) return 1
      if (what ~ /^boost\/(system|json|assert)$/) return 1
      if (what == "std busy") return !((room, "calm") in may) || (path, "busy") in extra
      return (room, "public") in may && !quoted && (what in may)
    }
    BEGIN {
      fill(table, may)
      fill(more, extra)
      busy = "^(barrier|cstdio|ctime|condition_variable|filesystem|fstream|future|iostream|latch|mutex|random|" \
             "semaphore|shared_mutex|stop_token|syncstream|thread)$"
      posix = "^(sys/.*|linux/.*|arpa/.*|netinet/.*|netdb|dirent|dlfcn|fcntl|malloc|poll|pthread|sched|signal|spawn|termios|unistd)(\\.h)?$"
    }
    {
      match($0, /^[^:]*:[0-9]+:/)
      place = substr($0, 1, RLENGTH - 1)
      text = substr($0, RLENGTH + 1)
      path = place
      sub(/:[0-9]+$/, "", path)
      room = room_of(path)
      if (!(room in may)) { print place ": the table does not know the folder " room; next }
      if (!match(text, /[<"][^>"]*[>"]/)) { print place ": not an #include of a file: " text; next }
      quoted = substr(text, RSTART, 1) == "\""
      target = substr(text, RSTART + 1, RLENGTH - 2)
      what = named(target, quoted)
      if (what == "?" && room != "tests") print place ": not from the root of the project: \"" target "\""
      else if (!allowed(room, path, what, quoted)) print place ": " room " may not include " what ": " target
      else if (path ~ /^include\// && quoted) print place ": a public header includes a private one: " target
    }'
}

failures=0
fail() { printf '%s\n' "$*"; failures=$((failures + 1)); }

# Can it fail? Each of these is forbidden, and each of those is not.
while IFS= read -r line; do
  [ -n "$(judge <<<"$line")" ] || fail "this should be forbidden: $line"
done <<'FORBIDDEN'
core/model/a.cpp:1:#include "core/machine/step.hpp"
core/model/a.cpp:2:#include <boost/asio/post.hpp>
core/model/a.cpp:3:#include <sqlite3.h>
core/machine/a.cpp:4:#  include <coremachine/registry/job_registry.hpp>
core/machine/a.cpp:5:#include <thread>
core/schedule/a.cpp:18:#include <fstream>
core/schedule/a.cpp:19:#include <unistd.h>
core/schedule/load_time_zone.cpp:20:#include <unistd.h>
include/coremachine/schedule/a.hpp:21:#include <coremachine/registry/job_registry.hpp>
core/telemetry/a.cpp:21:#include "core/registry/registration.hpp"
core/machine/a.cpp:22:#include <coremachine/telemetry/log.hpp>
core/ports/a.hpp:6:#include "core/store/sqlite/sqlite_store.hpp"
core/registry/a.cpp:7:#include <boost/asio/awaitable.hpp>
include/coremachine/registry/job_registry.hpp:8:#include <coremachine/params/params.hpp>
core/params/a.cpp:9:#include "core/registry/registration.hpp"
core/store/memory/a.cpp:8:#include "core/runtime/shell.hpp"
core/runtime/a.cpp:9:#include "core/store/sqlite/sqlite_store.hpp"
core/runtime/a.cpp:10:#include "shell.hpp"
core/cellar/a.cpp:11:#include <string>
jobs/a.cpp:12:#include <coremachine/runtime/core_machine.hpp>
handlers/a.cpp:13:#include "jobs/hello_world.hpp"
handlers/a.cpp:14:#include "handlers/gdal/gdal.hpp"
handlers/raster/a.cpp:15:#include <gdal.h>
jobs/raster/a.cpp:16:#include "handlers/gdal/gdal.hpp"
include/coremachine/model/a.hpp:14:#include "core/model/job.hpp"
samples/a.cpp:15:#include "core/model/job.hpp"
samples/a.cpp:16:#include <sqlite3.h>
core/runtime/a.cpp:17:#include <libpq-fe.h>
triggers/carrier_pigeon/a.cpp:17:#include <string>
triggers/http/a.cpp:22:#include <string>
triggers/http/wire/a.cpp:23:#include "triggers/http/server/server.hpp"
triggers/http/server/a.cpp:24:#include "triggers/http/api/a.hpp"
triggers/http/server/a.cpp:25:#include <coremachine/runtime/core_machine.hpp>
FORBIDDEN
while IFS= read -r line; do
  [ -z "$(judge <<<"$line")" ] || fail "this should be allowed: $line"
done <<'ALLOWED'
core/model/a.cpp:1:#include <boost/json/parse.hpp>
core/machine/a.cpp:2:#include "core/model/job.hpp"
include/coremachine/registry/coroutine_handler.hpp:3:#include <boost/asio/awaitable.hpp>
core/store/sqlite/a.cpp:4:#include <sqlite3.h>
core/store/postgres/a.cpp:4:#include <libpq-fe.h>
core/runtime/a.cpp:5:#include <boost/asio/post.hpp>
jobs/a.cpp:6:#include "handlers/greet.hpp"
handlers/gdal/a.cpp:7:#include <gdal.h>
jobs/raster/a.cpp:8:#include "handlers/raster/raster_params.hpp"
samples/a.cpp:7:#include <coremachine/coremachine.hpp>
samples/a.cpp:8:#include <coremachine/runtime/core_machine.hpp>
include/coremachine/coremachine.hpp:9:#include <coremachine/runtime/core_machine.hpp>
include/coremachine/registry/typed.hpp:10:#include <coremachine/params/params.hpp>
include/coremachine/params/a.hpp:11:#include <boost/describe/members.hpp>
core/schedule/load_time_zone.cpp:11:#include <fstream>
samples/a.cpp:12:#include <coremachine/schedule/schedule.hpp>
triggers/cli/a.cpp:10:#include "core/store/sqlite/sqlite_store.hpp"
triggers/http/server/a.cpp:13:#include "triggers/http/wire/message.hpp"
triggers/http/server/a.cpp:14:#include <boost/asio/post.hpp>
ALLOWED

lines=$(find . \( -name '.?*' -o -name 'build' -o -name 'build-*' \) -prune -o -type f \
  \( -name '*.cpp' -o -name '*.hpp' -o -name '*.h' -o -name '*.ipp' -o -name '*.cc' \) -print0 |
  xargs -0 grep -HnE '^[[:space:]]*#[[:space:]]*include' | sed 's|^\./||')
[ -n "$lines" ] || fail "there is nothing to read"
forbidden=$(judge <<<"$lines")
[ -z "$forbidden" ] || fail "$forbidden"

[ "$failures" = 0 ] || exit 1
echo "$(wc -l <<<"$lines") #include lines, none against the table"
