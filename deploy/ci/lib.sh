# shellcheck shell=bash
# What the checks of this folder share. Each check is a script of its own that starts with `source lib.sh`, runs in the
# repository's root, repairs what it can when called with --fix, and fails when something is left.

set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.."

# Set by the options that ./dev check hands to every check; one that has no use for an option ignores it.
# shellcheck disable=SC2034
{
  fix='' all=''
  for option in "$@"; do
    case $option in
      --fix) fix=1 ;;
      --all) all=1 ;;
      *)
        printf '%s: takes --fix and --all, not %s\n' "$0" "$option" >&2
        exit 2
        ;;
    esac
  done
}

# The clone may belong to another user than the one who checks it, as in a container.
git_here() { git -c safe.directory="$PWD" "$@"; }

# files PATTERN…: the files of the repository that match, also new ones that are not yet tracked, ended by NUL.
files() {
  git_here ls-files -z --cached --others --exclude-standard -- "$@" | LC_ALL=C sort -zu |
    while IFS= read -r -d '' file; do
      if [[ -f $file ]]; then printf '%s\0' "$file"; fi
    done
}
