# shellcheck shell=bash
# What every part of ./dev shares: messages, phases with their seconds, a lock, the number of jobs.
# Sourced by ./dev, which sets TARN_ROOT (the repository's folder) and runs under `set -euo pipefail`.

# Where npm, ccache and the data folder look for a home; a bare container may not set it.
if [[ -z ${HOME:-} ]]; then
  HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
  export HOME
fi

say() { printf '[dev] %s\n' "$*" >&2; }
warn() { printf '[dev] warning: %s\n' "$*" >&2; }
die() {
  printf '[dev] error: %s\n' "$*" >&2
  exit 1
}

# phase NAME COMMAND…: runs the command as it stands (so that `set -e` holds inside) and says how long it took.
# With TARN_TIMINGS set to a file, "NAME SECONDS" is appended to it.
phase() {
  local name=$1 start=$SECONDS took
  shift
  "$@"
  took=$((SECONDS - start))
  if ((took > 0)); then say "$name: ${took} s"; fi
  if [[ -n ${TARN_TIMINGS:-} ]]; then printf '%s %s\n' "$name" "$took" >>"$TARN_TIMINGS"; fi
}

# with_lock COMMAND…: one ./dev at a time changes packages and build folders of this clone.
with_lock() {
  if ! { mkdir -p "$TARN_ROOT/.cache" && [[ -w $TARN_ROOT/.cache ]]; }; then
    die "$TARN_ROOT belongs to $(stat -c %U "$TARN_ROOT"); run ./dev as that user, or in a clone of your own"
  fi
  (
    if ! flock -n 9; then
      say "another ./dev is building in this clone; waiting for it"
      flock 9
    fi
    "$@"
  ) 9>"$TARN_ROOT/.cache/dev.lock"
}

# Prints how many compilers may run at once: one for each processor and each 1.5 GiB of free memory,
# where the memory is the machine's or the container's limit, whichever is less. TARN_JOBS overrides it.
job_count() {
  if [[ -n ${TARN_JOBS:-} ]]; then
    printf '%s\n' "$TARN_JOBS"
    return
  fi
  local file kib limit jobs processors
  kib=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
  for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
    if [[ -r $file ]]; then
      limit=$(<"$file")
      if [[ $limit =~ ^[0-9]+$ ]] && ((limit / 1024 < kib)); then kib=$((limit / 1024)); fi
    fi
  done
  processors=$(nproc)
  jobs=$((kib / (1536 * 1024)))
  if ((jobs > processors)); then jobs=$processors; fi
  if ((jobs < 1)); then jobs=1; fi
  printf '%s\n' "$jobs"
}

# hash_files PATH…: one SHA-256 over the names and contents of all files below, without what is installed or generated.
hash_files() {
  find "$@" \( -name node_modules -o -name dist -o -name gen -o -name test-results \) -prune -o -type f -print0 |
    LC_ALL=C sort -z | xargs -0 --no-run-if-empty sha256sum | sha256sum | cut -d' ' -f1
}
