#!/usr/bin/env bash
# The page's types hold, and its own lint if it has one.
source "$(dirname -- "$0")/lib.sh" "$@"

web=services/dashboard/web
if [[ ! -f $web/package-lock.json ]]; then
  echo "web: there is no page with pinned packages ($web/package-lock.json); nothing is looked at" >&2
  exit 0
fi
cd "$web"
npm run --silent --if-present typecheck </dev/null
npm run --silent --if-present lint </dev/null
