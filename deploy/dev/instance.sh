# shellcheck shell=bash
# The running instance: ./dev up, down, env and clean-data. Standalone itself records where it is reached in
# <data>/run/standalone.json {pid, addresses: {dashboard, http}}, and the administrator's key in <data>/secrets/admin.key.

# Prints the data folder: TARN_DATA, else /var/lib/tarn for root (user `postgres` can enter it), else below the home.
data_folder() {
  if [[ -n ${TARN_DATA:-} ]]; then
    realpath -m -- "$TARN_DATA"
  elif ((EUID == 0)); then
    printf '/var/lib/tarn\n'
  else
    printf '%s/tarn\n' "${XDG_DATA_HOME:-$HOME/.local/share}"
  fi
}

# instance_field DATA NAME: a field of standalone.json, empty when there is none.
instance_field() {
  [[ -r $1/run/standalone.json ]] || return 0
  tr -d '\n' <"$1/run/standalone.json" |
    sed -nE "s/.*\"$2\"[[:space:]]*:[[:space:]]*\"?([^\",}[:space:]]+)\"?.*/\1/p"
}

# instance_pid DATA: the recorded process if it lives and is tarn-standalone, else nothing. A pid outlives its process
# in the file after a crash, and may by then be somebody else's: the program behind it decides.
instance_pid() {
  local pid program
  pid=$(instance_field "$1" pid)
  [[ $pid =~ ^[0-9]+$ ]] || return 0
  # Gone, or ended and only not yet collected by its parent.
  grep -qsE '^State:[[:space:]]+[^ZX]' "/proc/$pid/status" || return 0
  # The name of the program, not the path of its file: a linker may have replaced that since.
  program=$(<"/proc/$pid/comm") || return 0
  if [[ $program == tarn-standalone ]]; then printf '%s\n' "$pid"; fi
}

cmd_up() {
  local data pid
  data=$(data_folder)
  pid=$(instance_pid "$data")
  [[ -z $pid ]] || die "already running in $data as process $pid, at $(instance_field "$data" http); ./dev down stops it"
  prepare
  mkdir -p "$data" || die "$data cannot be made; set TARN_DATA to a folder that you can write to"
  say "data in $data; Ctrl-C stops"
  exec "$TARN_BUILD/bin/tarn-standalone" --data "$data" "$@"
}

# stop_instance DATA: ends it by SIGTERM and waits until it is gone.
stop_instance() {
  local data=$1 pid waited=0
  pid=$(instance_pid "$data")
  if [[ -z $pid ]]; then
    say "nothing is running in $data"
    return
  fi
  kill -TERM "$pid" || die "process $pid cannot be stopped by $(id -un); run this as its owner"
  say "stopping process $pid"
  # Its record goes first, the process when its PostgreSQL has stopped.
  while grep -qsE '^State:[[:space:]]+[^ZX]' "/proc/$pid/status"; do
    ((waited < 600)) || die "process $pid has not ended within 60 s; look at its log, then: kill -KILL $pid"
    sleep 0.1
    waited=$((waited + 1))
  done
  say "stopped"
}

cmd_down() {
  (($# == 0)) || die "./dev down takes no arguments; TARN_DATA names another data folder"
  # What the demonstration started beside the instance, such as its receiver of alerts.
  if [[ -f $TARN_ROOT/deploy/dev/demo.sh ]]; then
    # shellcheck disable=SC1091
    source "$TARN_ROOT/deploy/dev/demo.sh"
    if declare -F demo_down >/dev/null; then demo_down; fi
  fi
  stop_instance "$(data_folder)"
}

# shellcheck disable=SC2120  # arguments come from the dispatcher
cmd_env() {
  (($# == 0)) || die "./dev env takes no arguments; TARN_DATA names another data folder"
  local data
  data=$(data_folder)
  [[ -n $(instance_pid "$data") ]] || die "nothing is running in $data; start it with ./dev up or ./dev demo"
  if [[ ! -r $data/secrets/admin.key ]]; then warn "$data/secrets/admin.key is not readable by $(id -un)"; fi
  printf 'export TARN_ADDRESS=%q\n' "$(instance_field "$data" dashboard)"
  printf 'export TARN_KEY_FILE=%q\n' "$data/secrets/admin.key"
  # shellcheck disable=SC2016  # $PATH is for the shell that evaluates this.
  printf 'case ":$PATH:" in *:%q:*) ;; *) export PATH=%q:"$PATH" ;; esac\n' "$TARN_BUILD/bin" "$TARN_BUILD/bin"
}

# postgres_runs_in DATA: whether a private PostgreSQL outlived its standalone.
postgres_runs_in() {
  local file pid program
  while IFS= read -r file; do
    pid=$(head -n 1 "$file" 2>/dev/null) || continue
    program=$(readlink "/proc/$pid/exe" 2>/dev/null) || continue
    if [[ ${program##*/} == postgres* ]]; then return 0; fi
  done < <(find "$1" -maxdepth 3 -name postmaster.pid 2>/dev/null)
  return 1
}

cmd_clean_data() {
  local data answer='' sure=''
  if [[ ${1:-} == --yes ]]; then sure=1 && shift; fi
  (($# == 0)) || die "./dev clean-data takes only --yes; TARN_DATA names another data folder"
  data=$(data_folder)
  if [[ ! -e $data ]]; then
    say "there is nothing in $data"
    return
  fi
  [[ -z $(instance_pid "$data") ]] || die "Tarn is running in $data; ./dev down first"
  if postgres_runs_in "$data"; then
    die "a PostgreSQL is still running in $data (its standalone was killed); ./dev up and ./dev down end it in order"
  fi
  # A mistyped TARN_DATA must not cost a home folder.
  if [[ $data == / || $data == "$HOME" || ! -d $data/secrets ]]; then
    die "$data does not look like a data folder of Tarn (it has no secrets/); remove it by hand if you are sure"
  fi
  if [[ -z $sure ]]; then
    [[ -t 0 ]] || die "this removes all data in $data; confirm with ./dev clean-data --yes"
    read -r -p "Remove all data of Tarn in $data ($(du -sh "$data" 2>/dev/null | cut -f1))? Type yes: " answer
    if [[ $answer != yes ]]; then
      say "nothing was removed"
      return
    fi
  fi
  rm -rf --one-file-system -- "$data" || die "not everything in $data could be removed; run this as the user who ran Tarn"
  say "removed $data"
}
