#!/usr/bin/env bash
# C++ sources are formatted as .clang-format says. --fix formats them. The version is pinned: others format otherwise.
source "$(dirname -- "$0")/lib.sh" "$@"

# format OPTION…: clang-format on every source, as many at once as there are processors.
format() { files '*.cc' '*.h' | xargs -0 --no-run-if-empty -n 32 -P "$(nproc)" clang-format-14 "$@"; }

if [[ -n $fix ]]; then
  format -i
elif ! complaints=$(format --dry-run -Werror 2>&1); then
  # One line a file says enough; whatever else it complains of is shown as it is.
  sed -nE 's/^([^:]+):[0-9]+:[0-9]+: error: code should be clang-formatted.*/\1/p' <<<"$complaints" | sort -u >&2
  grep -E '(^|: )error: |^Error' <<<"$complaints" | grep -vF 'code should be clang-formatted' >&2 || true
  echo "format: ./dev fmt formats these files" >&2
  exit 1
fi
