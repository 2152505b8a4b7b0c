#!/usr/bin/env bash
# Every relative link and picture of the documentation leads to a file of the repository.
source "$(dirname -- "$0")/lib.sh" "$@"

status=0
while IFS=: read -r file line target; do
  case $target in
    /*) path=.$target ;;
    *) path=$(dirname -- "$file")/$target ;;
  esac
  if [[ ! -e ${path//%20/ } ]]; then
    echo "$file:$line: there is no $target" >&2
    status=1
  fi
done < <(files '*.md' | xargs -0 --no-run-if-empty awk -f deploy/ci/links.awk)
exit "$status"
