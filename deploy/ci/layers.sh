#!/usr/bin/env bash
# The rules of the house: who may include what (layers.awk), no catch-all folders, one guard for headers, sources listed
# one by one. A file of more than 600 lines is only warned of.
source "$(dirname -- "$0")/lib.sh" "$@"

status=0

# refuse MESSAGE: fails with the lines on standard input, if there are any.
refuse() {
  local found
  found=$(cat)
  if [[ -n $found ]]; then
    printf '%s\nlayers: %s\n' "$found" "$1" >&2
    status=1
  fi
}

includes() {
  files '*.cc' '*.h' |
    xargs -0 --no-run-if-empty grep -nHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' | awk -f deploy/ci/layers.awk
}

refuse "these includes cross the layers" < <(includes)
refuse "a folder is named by what it holds; there is no util, helpers or misc" < <(
  files | tr '\0' '\n' | grep -E '(^|/)(util|utils|helpers?|misc)/'
)
refuse "these headers lack '#pragma once'" < <(
  files '*.h' | xargs -0 --no-run-if-empty grep -L '^#pragma once$'
)
refuse "CMake lists its sources one by one, sorted; no GLOB" < <(
  files '*CMakeLists.txt' '*.cmake' | xargs -0 --no-run-if-empty grep -nHE 'file\(GLOB'
)

files '*.cc' '*.h' '*.ts' '*.tsx' '*.sh' | xargs -0 --no-run-if-empty wc -l |
  awk '$2 != "total" && $1 > 600 { printf "warning: %s has %d lines; more than 600 are hard to read\n", $2, $1 }' >&2

exit "$status"
