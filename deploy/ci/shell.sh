#!/usr/bin/env bash
# Shell scripts hold up to shellcheck: those called *.sh, and those without an extension whose first line says so.
source "$(dirname -- "$0")/lib.sh" "$@"

{
  files '*.sh'
  files | grep -zE '(^|/)[^./]+$' | xargs -0 --no-run-if-empty grep -lZm1 -E '^#!.*[/ ](ba)?sh( |$)' || true
} | LC_ALL=C sort -zu | xargs -0 --no-run-if-empty shellcheck --external-sources --source-path="SCRIPTDIR:$PWD"
