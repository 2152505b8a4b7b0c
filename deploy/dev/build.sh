# shellcheck shell=bash
# ./dev build: the web page by npm, then the programs by CMake and Ninja. Both take up where they were interrupted.

# has_script FOLDER NAME: whether the folder's package.json has that npm script.
has_script() {
  node -e 'process.exit(require(process.argv[1]).scripts?.[process.argv[2]] ? 0 : 1)' "$1/package.json" "$2"
}

# web_npm ARGUMENT…: npm in the page's folder, without a terminal and without its advertising.
web_npm() {
  (
    cd "$TARN_WEB" || exit
    npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false npm "$@" </dev/null
  )
}

# once_for HASH STAMP COMMAND…: runs the command unless the stamp says that it succeeded for the same hash.
once_for() {
  local hash=$1 stamp=$2
  shift 2
  if [[ -f $stamp && $(<"$stamp") == "$hash" ]]; then return; fi
  rm -f "$stamp"
  "$@"
  printf '%s\n' "$hash" >"$stamp"
}

# The page's TypeScript types, from the protos. The stamps lie in node_modules, so that a new installation builds anew.
generate_web_types() {
  if ! have_page || ! has_script "$TARN_WEB" generate; then return; fi
  local -a inputs=("$TARN_ROOT/proto" "$TARN_ROOT/buf.yaml" "$TARN_WEB/package-lock.json")
  if [[ -f $TARN_WEB/buf.gen.yaml ]]; then inputs+=("$TARN_WEB/buf.gen.yaml"); fi
  once_for "$(hash_files "${inputs[@]}")" "$TARN_WEB/node_modules/.tarn-types" web_npm run --silent generate >&2
}

build_web() {
  if ! have_page; then
    warn "${TARN_WEB#"$TARN_ROOT"/} lacks package.json or package-lock.json; the page is not built"
    return
  fi
  generate_web_types
  local stamp=$TARN_WEB/node_modules/.tarn-page
  if [[ ! -f $TARN_WEB/dist/index.html ]]; then rm -f "$stamp"; fi
  once_for "$(hash_files "$TARN_WEB" "$TARN_ROOT/proto")" "$stamp" web_npm run --silent build >&2
}

# build_programs PRESET FOLDER: CMake runs when there is nothing to build from yet; afterwards Ninja calls it itself.
build_programs() {
  local preset=$1 folder=$2
  cd "$TARN_ROOT" || exit
  if [[ ! -f $folder/build.ninja ]]; then cmake --preset "$preset" >&2; fi
  ninja -C "$folder" -j "$(job_count)" >&2
}

build_all() {
  phase "web page" build_web
  phase "programs" build_programs "$1" "$2"
}

# Installs what is missing and builds the release tree.
prepare() {
  cmd_install
  with_lock build_all release "$TARN_BUILD"
}

cmd_build() {
  (($# == 0)) || die "./dev build takes no arguments"
  prepare
  say "programs are in ${TARN_BUILD#"$TARN_ROOT"/}/bin"
}
