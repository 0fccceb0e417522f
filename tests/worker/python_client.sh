#!/usr/bin/env bash
# python_client.sh PYTHON PROGRAM: the tests of clients/python. Ends with 77 where there is no pytest.
set -euo pipefail
python=$1
COREMACHINE_PROGRAM=$(realpath "$2")
export COREMACHINE_PROGRAM
# Debian's pytest is that of Debian's Python, which need not be the first one on the path.
for candidate in "$python" /usr/bin/python3; do
  if "$candidate" -c 'import pytest' 2>/dev/null; then
    cd "$(dirname "${BASH_SOURCE[0]}")/../../clients/python"
    export PYTHONPATH=src PYTHONDONTWRITEBYTECODE=1
    exec "$candidate" -m pytest -q -p no:cacheprovider
  fi
done
echo "SKIPPED: there is no pytest"
exit 77
