#!/usr/bin/env bash
# ./dev bench: runs every benchmark program; arguments go to each of them (--benchmark_filter=…).
set -euo pipefail

bin=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../build/bin" && pwd)
for program in "$bin"/tarn-bench-*; do
  printf '\n%s\n' "${program##*/}"
  "$program" "$@"
done
