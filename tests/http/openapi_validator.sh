#!/usr/bin/env bash
# openapi_validator.sh DOCUMENT: is it valid by the schema of OpenAPI 3.1? Ends with 77 where the Python package
# openapi-spec-validator is not installed.
set -euo pipefail
document=${1:-$(dirname "${BASH_SOURCE[0]}")/../../docs/openapi.json}
python=
for candidate in python3 /usr/bin/python3; do
  if command -v "$candidate" >/dev/null && "$candidate" -c 'import openapi_spec_validator' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "SKIPPED: pip install openapi-spec-validator, and docs/openapi.json is checked against the schema of OpenAPI"
  exit 77
fi
"$python" - "$document" <<'PYTHON'
import json
import sys

from openapi_spec_validator import OpenAPIV31SpecValidator

document = json.load(open(sys.argv[1]))
faults = list(OpenAPIV31SpecValidator(document).iter_errors())
for fault in faults:
    print("/".join(str(step) for step in fault.absolute_path), fault.message[:300])

# Can it fail?
del document["info"]
if not list(OpenAPIV31SpecValidator(document).iter_errors()):
    sys.exit("a document without its info was found valid")
sys.exit(1 if faults else 0)
PYTHON
echo "valid"
