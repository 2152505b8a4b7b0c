#!/usr/bin/env bash
# The protos are well formed, follow buf's standard rules (see buf.yaml) and have a comment on every element; each field
# is said to be required, optional or output only.
source "$(dirname -- "$0")/lib.sh" "$@"

# Nothing is fetched: the workspace has all that the protos import.
tools/npm/node_modules/.bin/buf lint proto
