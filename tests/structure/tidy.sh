#!/usr/bin/env bash
# tidy.sh [ROOT]: what a reader should never meet in the tree. Every complaint is one line, `path:line: what`.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

texts() {
  find "$1" \( -name '.git' -o -name 'build' -o -name 'build-*' \) -prune -o -type f -print0 | xargs -0 grep -lIE '' |
    sed 's|^\./||' | sort
}
is_source() { [[ $1 =~ \.(cpp|hpp|h|ipp|cc|sql|sh|cmake|in)$ || $1 =~ (^|/)(CMakeLists\.txt|CMakePresets\.json|dev|run)$ ]]; }

# Bracketed, so that this file does not contain them.
words='\b(T[O]DO|F[I]XME|X[X]X)\b|n[o]t implemented'
tab=$'\t'

# Headers that define a class of the same name in the same namespace: a program that has both is not one program.
twins() {
  grep -E '\.hpp$' | sed "s|^|$1/|" | xargs -r awk -v root="$1/" '
    FNR == 1 { space = "" }
    /^namespace [a-z_:]+ \{/ { space = $2 }
    /^(class|struct|union|enum) [^;]*$/ && !/^struct std::/ {
      sub(/^enum (class )?/, "enum ")
      sub(/ COREMACHINE_API/, "")
      name = space "::" $2
      sub(/:$/, "", name)
      path = substr(FILENAME, length(root) + 1)
      if (!(name in first)) first[name] = path
      if (first[name] != path) print path ":" FNR ": " name " is also in " first[name]
    }'
}

# Complaints about one tree.
inspect() {
  local file
  (cd "$1" && texts .) | twins "$1"
  while IFS= read -r file; do
    grep -nE "$words" "$1/$file" | sed "s|^\([0-9]*\):.*|$file:\1: a word that says it is unfinished|" || true
    is_source "$file" || continue
    grep -nF "$tab" "$1/$file" | sed "s|^\([0-9]*\):.*|$file:\1: a tab|" || true
    grep -nE '[[:space:]]+$' "$1/$file" | sed "s|^\([0-9]*\):.*|$file:\1: white space at the end|" || true
    [ -z "$(tail -c 1 "$1/$file")" ] || echo "$file: no newline at the end"
    case $file in
      tests/*)
        if [[ $file == *.cpp && $file != *_test.cpp && $file != *_soak.cpp ]] && grep -q '^ *TEST_CASE' "$1/$file"; then
          echo "$file: test cases in a file that no test runs: call it …_test.cpp"
        fi
        ;;
      *)
        if [[ $file =~ ^(core|triggers)/ ]]; then
          grep -nE 'json::(parse\(|parser |stream_parser)' "$1/$file" |
            sed "s|^\([0-9]*\):.*|$file:\1: Boost's parser is a unit off in the last place of some numbers: parse_value|" || true
        fi
        [ "$(wc -l <"$1/$file")" -le 500 ] || echo "$file: more than 500 lines"
        ;;
    esac
  done < <(cd "$1" && texts .)
}

# Can it fail? A tree with every fault has every complaint.
bad=$scratch/bad
mkdir -p "$bad/core/cellar" "$bad/docs" "$bad/tests/model"
printf '// T%s: later\n\tint tab;\nint space; \nint end;' ODO >"$bad/core/cellar/a.cpp"
printf 'it is n%s\n' 'ot implemented' >"$bad/docs/notes.md"
printf 'auto value = json::parse(text);\n' >"$bad/core/cellar/parse.cpp"
awk 'BEGIN { for (i = 0; i < 501; i++) print "int i" i ";" }' >"$bad/core/cellar/long.cpp"
mkdir -p "$bad/core/attic"
printf 'namespace a::b {\nstruct Twin {\n};\n}\n' >"$bad/core/attic/twin.hpp"
printf 'namespace a {\nclass Twin {\n};\nclass Other;\n}\n' >"$bad/core/attic/other.hpp"
printf 'namespace a::b {\nclass Other;\nclass Twin : public Other {\n};\n}\n' >"$bad/core/cellar/twin.hpp"
echo 'TEST_CASE("nobody runs it") {}' >"$bad/tests/model/words.cpp"
inspect "$bad" | sort >"$scratch/found"
sort >"$scratch/expected" <<'FOUND'
core/cellar/a.cpp:1: a word that says it is unfinished
core/cellar/a.cpp:2: a tab
core/cellar/a.cpp:3: white space at the end
core/cellar/a.cpp: no newline at the end
core/cellar/long.cpp: more than 500 lines
core/cellar/parse.cpp:1: Boost's parser is a unit off in the last place of some numbers: parse_value
core/cellar/twin.hpp:3: a::b::Twin is also in core/attic/twin.hpp
docs/notes.md:1: a word that says it is unfinished
tests/model/words.cpp: test cases in a file that no test runs: call it …_test.cpp
FOUND
if ! diff "$scratch/expected" "$scratch/found"; then
  echo "the tree that is full of faults was not judged as it should be"
  exit 1
fi

complaints=$(inspect .)
if [ -n "$complaints" ]; then
  printf '%s\n' "$complaints"
  exit 1
fi
echo "tidy"
