# shellcheck shell=bash
# ./dev install: the packages that Tarn needs, from apt and npm and from nowhere else. Installs only what is missing.

# Stops with advice unless this is Debian 12 on a processor that the engine is published for.
check_system() {
  if [[ -n ${TARN_SKIP_SYSTEM_CHECK:-} ]]; then return; fi
  local id='' version='' name='an unknown system'
  if [[ -r /etc/os-release ]]; then
    # shellcheck disable=SC1091
    read -r id version name < <(. /etc/os-release && printf '%s %s %s\n' "${ID:--}" "${VERSION_ID:--}" "${PRETTY_NAME:--}")
  fi
  if [[ $id != debian || $version != 12 ]]; then
    die "Tarn is built on Debian 12 (bookworm); this is $name.
  In a container of it, from this folder:
    docker run --rm -it --network host -v \"\$PWD\":/src -w /src debian:12 ./dev ${TARN_COMMAND:-test}
  or set TARN_SKIP_SYSTEM_CHECK=1 and install the counterparts of deploy/dev/packages.txt yourself."
  fi
  case $(uname -m) in
    x86_64 | aarch64) ;;
    *) die "the engine is published for x86_64 and aarch64; this machine is $(uname -m)" ;;
  esac
}

# as_root COMMAND…: runs it as root, by sudo when need be. Without a terminal sudo must not ask.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif ! command -v sudo >/dev/null; then
    die "root is needed for: $*
  Run ./dev install once as root, or install sudo; everything else then works as the user that you are."
  elif [[ -t 0 ]]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

# Prints the names of deploy/dev/packages.txt.
wanted_packages() { sed 's/#.*//' "$TARN_ROOT/deploy/dev/packages.txt" | tr -s ' \t' '\n' | sed '/^$/d'; }

# Prints those of the named packages that are not installed.
missing_packages() {
  # dpkg-query fails when it does not know a name; such a package is simply not in its answer.
  { dpkg-query -W -f '${Package} ${Status}\n' "$@" 2>/dev/null || true; } |
    awk -v wanted="$*" '
      $2 == "install" && $3 == "ok" && $4 == "installed" { have[$1] = 1 }
      END { n = split(wanted, name, " "); for (i = 1; i <= n; i++) if (!(name[i] in have)) print name[i] }'
}

# True when Node 18 or newer and npm are there, from wherever they came.
have_node() {
  command -v npm >/dev/null && command -v node >/dev/null &&
    node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)'
}

# PostgreSQL's package makes a cluster and starts it on port 5432. Tarn runs a cluster of its own and wants none there,
# so that is switched off before the package comes. A machine that has PostgreSQL already is left as it is.
forbid_main_cluster() {
  local file=/etc/postgresql-common/createcluster.conf
  if grep -qsE '^[[:space:]]*create_main_cluster[[:space:]]*=[[:space:]]*false' "$file"; then return; fi
  say "$file: create_main_cluster = false, so that PostgreSQL's package starts no cluster of its own"
  as_root mkdir -p /etc/postgresql-common
  if [[ -e $file ]]; then
    as_root sed -i -E '/^[[:space:]]*create_main_cluster[[:space:]]*=/d' "$file"
  fi
  echo 'create_main_cluster = false' | as_root tee -a "$file" >/dev/null
}

# Mosquitto's package starts a broker on port 1883. Tarn's tests run brokers of their own and want none there, so its
# service is masked before the package comes. A machine that has Mosquitto already is left as it is.
forbid_broker() {
  local unit=/etc/systemd/system/mosquitto.service
  if [[ -e $unit || -L $unit ]]; then return; fi
  say "$unit -> /dev/null, so that Mosquitto's package starts no broker of its own"
  as_root mkdir -p "${unit%/*}"
  as_root ln -s /dev/null "$unit"
}

# Where services are not systemd's, the mask says nothing: a broker that the package has started is stopped, for good.
stop_broker() {
  if [[ -d /run/systemd/system || ! -x /etc/init.d/mosquitto ]]; then return; fi
  as_root /etc/init.d/mosquitto stop >&2 || true
  as_root update-rc.d mosquitto disable >&2 || true
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 \
    apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5 -o Dpkg::Use-Pty=0 "$@" </dev/null >&2
}

install_apt() {
  local -a wanted missing
  mapfile -t wanted < <(wanted_packages)
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  if ! have_node; then missing+=(nodejs npm); fi
  if ((${#missing[@]} == 0)); then return; fi
  say "installing from apt: ${missing[*]}"
  if [[ " ${missing[*]} " == *' postgresql-15 '* ]]; then forbid_main_cluster; fi
  if [[ " ${missing[*]} " == *' mosquitto '* ]]; then forbid_broker; fi
  # What an interrupted installation left half done comes first.
  as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 dpkg --configure -a </dev/null >&2
  apt_get -qq update
  apt_get -q install -y --no-install-recommends "${missing[@]}"
  if [[ " ${missing[*]} " == *' mosquitto '* ]]; then stop_broker; fi
  have_node || die "Node 18 or newer and npm are needed; found $(node --version 2>/dev/null || echo none). Remove the older one that is first in PATH."
}

# npm_ci FOLDER: what the folder's lockfile names, no more and no less; again only when the lockfile or Node changed.
# The stamp lies inside node_modules, which `npm ci` removes first: an interrupted installation is redone.
npm_ci() {
  local folder=$1 stamp=$1/node_modules/.tarn-stamp want
  want="$(sha256sum <"$folder/package-lock.json" | cut -d' ' -f1) $(uname -m)"
  if [[ -f $stamp && $(<"$stamp") == "$want" ]]; then return; fi
  say "installing from npm: ${folder#"$TARN_ROOT"/}"
  (
    cd "$folder" || exit
    npm_config_update_notifier=false npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2
  )
  printf '%s\n' "$want" >"$stamp"
}

# True when the page is there with its lockfile, without which nothing of it is installed or built.
have_page() { [[ -f $TARN_WEB/package.json && -f $TARN_WEB/package-lock.json ]]; }

install_npm() {
  npm_ci "$TARN_ROOT/tools/npm"
  if have_page; then npm_ci "$TARN_WEB"; fi
}

install_all() {
  phase "apt packages" install_apt
  phase "npm packages" install_npm
}

cmd_install() {
  check_system
  with_lock install_all
}
