# shellcheck shell=bash
# ./dev test: every test, counted case by case. The last line is `tests: N passed, N failed, N skipped`.

# run_ctest FOLDER REGEX: every executable writes its cases to FOLDER/test-xml. Leaves ctest's status in ctest_status.
run_ctest() {
  local folder=$1 regex=$2
  local -a select=()
  if [[ -n $regex ]]; then select=(-R "$regex"); fi
  rm -rf "$folder/test-xml" "$folder/test-results.xml"
  mkdir -p "$folder/test-xml"
  GTEST_OUTPUT="xml:$folder/test-xml/" \
    UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}" \
    LSAN_OPTIONS="${LSAN_OPTIONS:-suppressions=$TARN_ROOT/deploy/dev/lsan.supp:print_suppressions=0}" \
    ctest --test-dir "$folder" -j 2 --output-on-failure --no-tests=error \
    --output-junit "$folder/test-results.xml" "${select[@]}" </dev/null >&2 || ctest_status=$?
}

# run_web_tests LOG: the page's unit tests and, in a headless browser, those of the whole page; whichever scripts there
# are. Leaves npm's last failing status in web_status.
run_web_tests() {
  local script
  : >"$1"
  for script in test test:browser; do
    if has_script "$TARN_WEB" "$script"; then
      NO_COLOR=1 CI=true web_npm run --silent "$script" 2>&1 | tee -a "$1" >&2 || web_status=$?
    fi
  done
}

cmd_test() {
  local preset=release folder=$TARN_BUILD regex='' web_log='' ctest_status=0 web_status=0
  while (($# > 0)); do
    case $1 in
      --sanitize) preset=dev folder=$TARN_ROOT/build-dev ;;
      -R)
        regex=${2:-}
        [[ -n $regex ]] || die "-R takes a regular expression of test names"
        shift
        ;;
      *) die "./dev test takes --sanitize and -R REGEX, not '$1'" ;;
    esac
    shift
  done
  cmd_install
  with_lock build_all "$preset" "$folder"

  local start=$SECONDS
  phase "tests" run_ctest "$folder" "$regex"
  if [[ $ctest_status -ne 0 && ! -f $folder/test-results.xml ]]; then
    die "ctest ran nothing (status $ctest_status); 'ctest --test-dir ${folder#"$TARN_ROOT"/} -N' lists the tests"
  fi
  # The page's own tests do not depend on how the programs were compiled: once is enough.
  if [[ $preset == release && -z $regex ]] && have_page; then
    web_log=$folder/web-tests.log
    phase "web tests" run_web_tests "$web_log"
  fi
  say "all tests: $((SECONDS - start)) s; cases in ${folder#"$TARN_ROOT"/}/test-xml"

  local -a files=()
  mapfile -t files < <(find "$folder/test-xml" -name '*.xml' | LC_ALL=C sort)
  if [[ -n $web_log ]]; then files+=("$web_log"); fi
  # The counter fails when it counted a failure; a status that it cannot explain must not pass either.
  awk -v web_log="$web_log" -v web_status="$web_status" -v junit="$folder/test-results.xml" \
    -f "$TARN_ROOT/deploy/dev/count_tests.awk" "${files[@]}" "$folder/test-results.xml" || return 1
  ((ctest_status == 0 && web_status == 0))
}
