# shellcheck shell=bash
# ./dev check: runs every script of deploy/ci (but lib.sh), goes on after a failure and lists all failures at the end.

# The checks, in the order in which they run: quick ones first.
readonly kChecks=(format layers links shell protos web tidy)

cmd_check() {
  local -a names=() failed=() options=()
  local name start
  while (($# > 0)); do
    case $1 in
      --fix) options+=(--fix) ;;
      --tidy) options+=(--all) ;;
      *)
        [[ " ${kChecks[*]} " == *" $1 "* ]] || die "./dev check takes --fix, --tidy and names of: ${kChecks[*]}; not '$1'"
        names+=("$1")
        ;;
    esac
    shift
  done
  if ((${#names[@]} == 0)); then names=("${kChecks[@]}"); fi
  cmd_install
  generate_web_types
  cd "$TARN_ROOT" || exit
  for name in "${names[@]}"; do
    start=$SECONDS
    if "$TARN_ROOT/deploy/ci/$name.sh" "${options[@]}"; then
      say "check $name: good ($((SECONDS - start)) s)"
    else
      say "check $name: FAILED ($((SECONDS - start)) s)"
      failed+=("$name")
    fi
  done
  if ((${#failed[@]} > 0)); then die "these checks failed: ${failed[*]}"; fi
  say "all checks are good"
}

# Formats everything that a formatter knows.
cmd_fmt() {
  (($# == 0)) || die "./dev fmt takes no arguments"
  cmd_install
  "$TARN_ROOT/deploy/ci/format.sh" --fix
}
