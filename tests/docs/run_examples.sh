#!/usr/bin/env bash
# run_examples.sh PROGRAM PAGE: runs the examples of a page, against a server that it starts, and compares what they say.
#
# An example is a block of ```console with the line `<!-- run -->` above it. In it `$ ` begins a command and `>` goes on
# with one; the lines below are what it says, on either stream. In these, `…` stands for anything within a line, and a
# line of `…` alone for any number of lines. All commands of a page run in one shell, in an empty folder; `coremachine` is
# the program, and http://127.0.0.1:8080, wherever a page has it, the server.
set -uo pipefail
program=$(realpath "$1")
page=$(realpath "$2")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; rm -rf "$work"' EXIT
unset NO_COLOR "${!COREMACHINE_@}"
mkdir "$work/bin" "$work/folder"
ln -s "$program" "$work/bin/coremachine"
export HOME=$work PATH=$work/bin:$PATH TERM=dumb
cd "$work/folder"

mkfifo "$work/port"
coremachine serve --listen 127.0.0.1:0 --store sqlite:"$work/coremachine.db" --log-level error >"$work/port" 2>"$work/log" &
server=$!
read -r line <"$work/port" || { cat "$work/log"; exit 1; }
url=${line#listening on }
told=http://127.0.0.1:8080
export COREMACHINE_SERVER=$url

# Reads a page, prints its examples: `C` lines with commands, `E` lines with what is expected, each with its number.
examples() {
  awk '
    /^<!-- run -->$/ { marked = 1; next }
    marked && /^```console$/ { inside = 1; marked = 0; next }
    /^```/ { inside = 0 }
    !/^$/ { marked = 0 }
    inside && /^\$ / { print "C\t" NR "\t" substr($0, 3); next }
    inside && /^>( |$)/ { print "M\t" NR "\t" substr($0, 3); next }
    inside { print "E\t" NR "\t" $0 }' "$1"
}

# Whether the lines of $2 are as those of $1, which has `…`.
same() {
  awk -v said="$2" '
    function escaped(text) { gsub(/[][\\.*+?(){}|^$\/]/, "\\\\&", text); gsub(/…/, ".*", text); return "^" text "$" }
    # Do wanted[i…] fit got[j…]?
    function fits(i, j) {
      while (i <= wanted_count) {
        if (wanted[i] == "…") {
          for (; j <= got_count + 1; j++) if (fits(i + 1, j)) return 1
          return 0
        }
        if (j > got_count || got[j] !~ escaped(wanted[i])) return 0
        i++; j++
      }
      return j > got_count
    }
    { wanted[++wanted_count] = $0 }
    END {
      while ((getline line < said) > 0) got[++got_count] = line
      exit fits(1, 1) ? 0 : 1
    }' "$1"
}

# Can it fail?
printf 'a …\n…\nz\n' >"$work/wanted"
printf 'a b\nc\nd\nz\n' >"$work/said"
same "$work/wanted" "$work/said" || { echo "what is the same was told apart"; exit 1; }
printf 'a b\nc\nd\ny\n' >"$work/said"
if same "$work/wanted" "$work/said"; then echo "what differs was taken for the same"; exit 1; fi

failed=0
ran=0
last=0
command=
status_of() { return "$1"; }
run() {
  [ -n "$command" ] || return 0
  ran=$((ran + 1))
  status_of "$last"
  eval "${command//"$told"/"$url"}" >"$work/raw" 2>&1 </dev/null
  last=$?
  sed "s|$url|$told|g" "$work/raw" >"$work/said"
  if ! same "$work/wanted" "$work/said"; then
    failed=$((failed + 1))
    printf '%s:%s: $ %s\n--- the page has\n%s\n--- it says\n%s\n' "$page" "$place" "$command" "$(cat "$work/wanted")" \
      "$(cat "$work/said")"
  fi
}
while IFS=$'\t' read -r -u 3 kind number text; do
  case $kind in
    C)
      run
      command=$text
      place=$number
      : >"$work/wanted"
      ;;
    M) command+=$'\n'$text ;;
    E) printf '%s\n' "$text" >>"$work/wanted" ;;
  esac
done 3< <(examples "$page")
run
[ "$ran" -gt 0 ] || { echo "$page has no examples to run"; exit 1; }
echo "$ran examples, $failed failed"
[ "$failed" = 0 ]
