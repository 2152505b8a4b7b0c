#!/usr/bin/env bash
# clang-tidy by .clang-tidy, on the .cc files that differ from the main branch's tip, or with --all on every one: it is
# slow (seconds a file). Needs a build for the compile commands and the generated headers.
source "$(dirname -- "$0")/lib.sh" "$@"

build=${TARN_BUILD:-$PWD/build}
if [[ ! -f $build/compile_commands.json ]]; then
  echo "tidy: nothing is built yet, so nothing is looked at; ./dev build first" >&2
  exit 0
fi

# What this branch and the working tree changed; on the main branch, what is not committed.
changed_files() {
  local base
  # A shallow clone may know neither.
  base=$(git_here merge-base HEAD origin/main 2>/dev/null || git_here merge-base HEAD main 2>/dev/null || echo HEAD)
  git_here diff -z --name-only --diff-filter=d "$base" -- '*.cc'
  git_here ls-files -z --others --exclude-standard -- '*.cc'
}

# GCC's precompiled header is unreadable to clang: the same header is included as text, from a copy without it.
database=$build/tidy
mkdir -p "$database"
find "$build" -name 'cmake_pch.hxx' -path '*tarn_pch.dir*' -exec cp {} "$database/pch.hxx" \;
sed -E "s# -Winvalid-pch -include [^ ]*cmake_pch\.hxx# -include $database/pch.hxx#; s# -fpch-preprocess##" \
  "$build/compile_commands.json" >"$database/compile_commands.json"

# A file that the build does not know yet has no compile command.
known() {
  while IFS= read -r -d '' file; do
    if grep -qF "\"file\": \"$PWD/$file\"" "$database/compile_commands.json"; then printf '%s\0' "$file"; fi
  done
}

if [[ -n $all ]]; then files '*.cc'; else changed_files; fi | LC_ALL=C sort -zu | known |
  xargs -0 --no-run-if-empty -n 1 -P "$(nproc)" clang-tidy-14 --quiet -p "$database" \
  2> >(grep -v ' warnings\? generated' >&2)
