# shellcheck shell=bash
# The demonstration: ./dev demo runs the Smart Hub example (docs/examples/smart-hub) against a standalone Tarn and reports.
# Everything it makes beside Tarn's own data is in <data>/demo.

demo_usage() {
  die "./dev demo [--data DIR] [--homes N] [--days D] [--seed S]"
}

# demo_free_port PREFERRED: that port, or 0 (any) when somebody listens there.
demo_free_port() {
  if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then printf '0\n'; else printf '%s\n' "$1"; fi
}

demo_start_tarn() {
  local data=$1 log=$1/run/standalone.log waited=0 pid
  if [[ -n $(instance_pid "$data") ]]; then
    say "Tarn is running in $data already"
    return
  fi
  mkdir -p "$data/run" || die "$data cannot be made; set TARN_DATA to a folder that you can write to"
  rm -f "$data/run/standalone.json"
  setsid "$TARN_BUILD/bin/tarn-standalone" --data "$data" \
    --dashboard.listen "127.0.0.1:$(demo_free_port 7100)" \
    --dashboard.http_listen "127.0.0.1:$(demo_free_port 8080)" \
    --ingestion.http_listen "127.0.0.1:$(demo_free_port 7203)" \
    --alerting.allowed_hosts 127.0.0.1 >>"$log" 2>&1 </dev/null &
  pid=$!
  until [[ -e $data/run/standalone.json && -e $data/secrets/admin.key ]]; do
    kill -0 "$pid" 2>/dev/null || { tail -n 5 "$log" >&2 && die "Tarn has not started; its log is $log"; }
    ((waited < 1200)) || die "Tarn has not started within 120 s; its log is $log"
    sleep 0.1
    waited=$((waited + 1))
  done
  disown "$pid" 2>/dev/null || true
}

# The process that keeps the demonstration's notifications, if it lives.
demo_receiver_pid() {
  local pid
  pid=$(sed -nE 's/.*"pid":([0-9]+).*/\1/p' "$1/demo/receiver.json" 2>/dev/null) || return 0
  [[ -n $pid ]] && grep -qs receiver.mjs "/proc/$pid/cmdline" && printf '%s\n' "$pid"
  return 0
}

# Starts the receiver, at the port it had before where that is free, so that the channel stays as it is.
demo_start_receiver() {
  local demo=$1/demo port='' waited=0
  [[ -z $(demo_receiver_pid "$1") ]] || return 0
  port=$(sed -nE 's/.*"port":([0-9]+).*/\1/p' "$demo/receiver.json" 2>/dev/null || true)
  if [[ -n $port ]]; then port=$(demo_free_port "$port"); fi
  rm -f "$demo/receiver.json"
  TARN_RECEIVER_PORT=${port:-0} setsid node "$TARN_ROOT/deploy/demo/receiver.mjs" \
    "$demo/notifications.jsonl" "$demo/receiver.json" >>"$demo/receiver.log" 2>&1 </dev/null &
  disown
  until [[ -e $demo/receiver.json ]]; do
    ((waited < 100)) || die "the receiver of notifications has not started; its log is $demo/receiver.log"
    sleep 0.1
    waited=$((waited + 1))
  done
}

demo_down() {
  local pid
  pid=$(demo_receiver_pid "$(data_folder)")
  if [[ -n $pid ]]; then kill -TERM "$pid" 2>/dev/null || true; fi
}

# demo_stage NAME COMMAND…: runs it, its output shown, and adds a line to the report.
demo_stage() {
  local name=$1 begin end
  shift
  say "$name"
  begin=$(date +%s%N)
  "$@" || die "the stage '$name' has failed"
  end=$(date +%s%N)
  DEMO_STAGES+=("$(printf '%-46s %7d.%01d s' "$name" $(((end - begin) / 1000000000)) $((((end - begin) / 100000000) % 10)))")
}

demo_rows() { tarn query --format csv "SELECT count(*) FROM $1" | tail -n 1 | tr -d '\r'; }

demo_generate() {
  local raw=$1
  shift
  # A folder without its answers was not finished.
  if [[ ! -e $raw/answers.json ]]; then
    rm -rf -- "$raw"
    "$TARN_BUILD/bin/tarn-datagen" smart-hub "$@" --out "$raw"
  fi
}

demo_apply() {
  local demo=$1 port
  port=$(sed -nE 's/.*"port":([0-9]+).*/\1/p' "$demo/receiver.json")
  rm -rf "$demo/manifests"
  cp -r "$TARN_ROOT/docs/examples/smart-hub" "$demo/manifests"
  sed -i "s#http://127.0.0.1:8099/#http://127.0.0.1:$port/#" "$demo/manifests/05-alerting.yaml"
  tarn apply -f "$demo/manifests"
}

demo_upload() {
  local raw=$1
  tarn upload smart_hub.usage_json "$raw/smart_hub/usage"
  tarn upload smart_hub.mappings_json "$raw/smart_hub/mappings"
  tarn upload smart_hub.locations_csv "$raw/smart_hub/locations"
  tarn upload smart_hub.rates_xml "$raw/smart_hub/rates"
}

demo_wait_for_alert() {
  local waited=0
  until grep -qs iot-device-01 "$1/notifications.jsonl"; do
    if ((waited >= 600)); then
      tarn alerts >&2 || true
      warn "no notification about iot-device-01 has arrived within 60 s"
      return 1
    fi
    sleep 0.1
    waited=$((waited + 1))
  done
}

demo_main() {
  local raw='' homes=12 days=7 seed=1 data demo answers http
  while (($# > 0)); do
    case $1 in
      --data | --homes | --days | --seed) (($# >= 2)) || demo_usage ;;&
      --data) raw=$(realpath -e -- "$2") || die "there is no folder $2" ;;
      --homes) homes=$2 ;;
      --days) days=$2 ;;
      --seed) seed=$2 ;;
      *) demo_usage ;;
    esac
    shift 2
  done
  data=$(data_folder)
  demo=$data/demo
  DEMO_STAGES=()
  mkdir -p "$demo" || die "$data cannot be made; set TARN_DATA to a folder that you can write to"
  if [[ -n $raw ]]; then
    [[ -d $raw/smart_hub && -d $raw/iot ]] || die "$raw has no smart_hub/ and iot/; docs/examples/smart-hub says how it is laid out"
    answers=$demo/answers.json
    "$TARN_BUILD/bin/tarn-datagen" answers --data "$raw" --out "$answers"
  else
    raw=$demo/raw-$homes-$days-$seed
    answers=$raw/answers.json
    demo_stage "generate $homes homes, $days days" demo_generate "$raw" --homes "$homes" --days "$days" --seed "$seed"
  fi
  # Another data set in the same tables would mix with the first, and no answer would be right.
  if [[ -e $demo/source && $(<"$demo/source") != "$raw" ]]; then
    die "the demonstration in $data was run on $(<"$demo/source"); use another TARN_DATA, or ./dev down and ./dev clean-data first"
  fi
  printf '%s\n' "$raw" >"$demo/source"

  demo_stage "start Tarn" demo_start_tarn "$data"
  demo_start_receiver "$data"
  eval "$(cmd_env)"
  demo_stage "apply the manifests" demo_apply "$demo"
  demo_stage "upload the raw files" demo_upload "$raw"
  demo_stage "run the pipeline smart-hub" tarn run smart-hub --wait
  demo_stage "put the device messages" tarn put device_messages "$raw/iot/raw_data_large.json" --flush
  demo_stage "wait for the alert" demo_wait_for_alert "$demo"
  demo_report "$data" "$answers"
}

demo_report() {
  local data=$1 answers=$2 http code=0 table
  http=$(instance_field "$data" http)
  printf '\nStages\n'
  printf '  %s\n' "${DEMO_STAGES[@]}"
  printf '\nTables\n'
  for table in smart_hub.usage_json smart_hub.locations_csv smart_hub.rates_xml smart_hub.usage_enriched iot.device_messages iot.readings; do
    printf '  %-28s %12s rows\n' "$table" "$(demo_rows "$table")"
  done
  printf '\nAnswers, against those known\n'
  node "$TARN_ROOT/deploy/demo/compare_answers.mjs" "$answers" || code=1
  printf '\nNotifications that arrived\n'
  sed -nE 's/.*"message":"([^"]*)".*/  \1/p' "$data/demo/notifications.jsonl" | sort | uniq -c
  cat <<REPORT

The page    http://$http/dashboards/residential-electrical-usage
  sign in   with the key in $data/secrets/admin.key
  from another machine:  ssh -L 8080:$http $(id -un)@$(hostname)   and then http://127.0.0.1:8080/
The shell   eval "\$(./dev env)"   and then:  tarn status;  tarn query "SELECT * FROM smart_hub.usage_enriched LIMIT 5"
Stop        ./dev down             Remove its data:  ./dev clean-data
REPORT
  return "$code"
}
