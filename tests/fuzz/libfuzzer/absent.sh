#!/usr/bin/env bash
echo "NOT FUZZED BY COVERAGE: there is no clang with libFuzzer here; ./dev fuzz installs one, and fuzzes"
exit 77
