#!/usr/bin/env bash
# build.sh FOLDER [OPTION]…: configures, with these options of cmake, and builds FOLDER/fuzz_tests.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1
shift
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
cmake -S "$here" -B "$folder" "$@"
cmake --build "$folder" --parallel "${COREMACHINE_JOBS:-$(nproc)}"
