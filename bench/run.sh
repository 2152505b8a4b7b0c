#!/usr/bin/env bash
# ./dev bench: runs every benchmark program; `./dev bench ingest --json` the one of that name alone, with its arguments.
set -euo pipefail

bin=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../build/bin" && pwd)
if [[ ${1:-} == [a-z]* ]]; then
  program=$bin/tarn-bench-$1
  if [[ ! -x $program ]]; then
    echo "there is no benchmark '$1'; there are: $(cd "$bin" && echo tarn-bench-*)" >&2
    exit 1
  fi
  shift
  exec "$program" "$@"
fi
for program in "$bin"/tarn-bench-*; do
  printf '\n%s\n' "${program##*/}"
  "$program" "$@"
done
