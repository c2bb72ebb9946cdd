#!/usr/bin/env bash
# Makes the workspace ready to use: ROS 2 Jazzy, Python packages, colcon build. Then: source perception_ws/env.sh
#
#   perception_ws/setup.sh            about 90 s the first time, well under a second when nothing has changed
#
# Jazzy is the one already sourced, else /opt/ros/jazzy, else (no apt repository of it: Debian, CI machines) the same
# Jazzy as PyPI wheels in .ros/. Where apt has Jazzy, `rosdep install` and a plain `colcon build` do as well: nothing
# below is needed by the packages themselves.
#
# Environment:
#   PERCEPTION_ROS=sourced|system|wheels   take this Jazzy instead of the first one found
#   PYTHON312=/path/to/python3.12          the interpreter for the wheels (CPython 3.12 built with --enable-shared)
#   PERCEPTION_SKIP_APT=1                  install no apt package; name those that are missing and stop
#   PERCEPTION_SKIP_DEV=1                  leave out what only tests and checks need
#   PERCEPTION_SKIP_GUI=1                  leave out RViz (a robot's computer, a container)
#   PERCEPTION_SKIP_BUILD=1                stop before colcon
#   PERCEPTION_PEERS=1                     also what `perception bench` compares with (bench-requirements.txt)
#
# A second run waits for the first. A run killed half-way is noticed by the next one, which starts the damaged part
# again. Logs: .ros/log/.
set -euo pipefail

WS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
ROS=$WS/.ros            # all that is installed here; delete it to start afresh
VENV=$ROS/venv          # what the stack runs in
MSGS=$ROS/msgs          # wheels only: what message packages are built with
INTERFACES=perception_interfaces
NEED_MB=3072

say() { printf '[setup] %s\n' "$*"; }
die() { printf '[setup] %s\n' "$@" >&2; exit 1; }
digest() { sha256sum | cut -c1-32; }
stamped() { [[ $(cat "$ROS/$1.ok" 2>/dev/null) == "$2" ]]; }
stamp() { printf '%s\n' "$2" >"$ROS/$1.ok"; }

# Runs a long command with its output in a log; its last lines are shown when it fails.
logged() { # name command...
  local name=$1 log=$ROS/log/$1.log
  shift
  if ! "$@" >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    die "$name failed; the whole output is in $log"
  fi
}

# Prints the size of what is being installed every ten seconds, so that a slow line is not taken for a hang.
show_progress() {
  local parent=$$
  (
    exec 9>&- # not the lock
    while sleep 10 >/dev/null 2>&1 && kill -0 "$parent" 2>/dev/null; do
      say "  ... ${SECONDS} s, $(du -sm "$ROS" 2>/dev/null | cut -f1) MB installed"
    done
  ) &
  PROGRESS=$!
}

hide_progress() {
  [[ -n ${PROGRESS:-} ]] || return 0
  kill "$PROGRESS" 2>/dev/null || true
  wait "$PROGRESS" 2>/dev/null || true
  PROGRESS=
}

cleanup() {
  hide_progress
  local jobs
  jobs=$(jobs -p)
  # shellcheck disable=SC2086
  [[ -z $jobs ]] || kill $jobs 2>/dev/null || true
  # A build that failed is gone on with; one that was stopped is not.
  [[ -n ${STOPPED:-} || -z ${BUILDING:-} ]] || rm -f "$ROS/build.unfinished"
}
trap cleanup EXIT
trap 'STOPPED=1; exit 130' INT TERM

# ------------------------------------------------------------------------------------------ which Jazzy

# Our own wheels, sourced by env.sh, are not "a Jazzy that is already sourced".
sourced_jazzy() {
  [[ -n ${AMENT_PREFIX_PATH:-} && ${PERCEPTION_UNDERLAY:-} != wheels ]] || return 1
  [[ ${ROS_DISTRO:-} == jazzy ]] ||
    die "ROS 2 ${ROS_DISTRO:-?} is sourced, this needs Jazzy: start a shell without it, or unset AMENT_PREFIX_PATH"
}

choose_ros() {
  local wanted=${PERCEPTION_ROS:-}
  case $wanted in
    '' | sourced | system | wheels) ;;
    *) die "PERCEPTION_ROS=$wanted: expected sourced, system or wheels" ;;
  esac
  if [[ -z $wanted ]]; then
    if sourced_jazzy; then
      wanted=sourced
    elif [[ -f /opt/ros/jazzy/setup.bash ]]; then
      wanted=system
    else
      wanted=wheels
    fi
  fi
  case $wanted in
    sourced) sourced_jazzy || die "PERCEPTION_ROS=sourced, but no ROS 2 is sourced" ;;
    system)
      [[ -f /opt/ros/jazzy/setup.bash ]] || die "PERCEPTION_ROS=system, but there is no /opt/ros/jazzy/setup.bash"
      set +u
      # shellcheck disable=SC1091
      source /opt/ros/jazzy/setup.bash
      set -u
      ;;
  esac
  UNDERLAY=$wanted
}

# ------------------------------------------------------------------------------------------ the machine

# Installs apt packages where that is allowed, else names them in one line to copy.
apt_install() { # package...
  (($#)) || return 0
  local line="apt-get install -y --no-install-recommends $*" sudo=
  command -v apt-get >/dev/null || die "missing, and there is no apt-get to install them: $*"
  ((EUID == 0)) || sudo="sudo "
  [[ -z ${PERCEPTION_SKIP_APT:-} ]] || die "missing: $*" "  $sudo$line"
  [[ -z $sudo ]] || sudo -n true 2>/dev/null || die "missing: $*" "  sudo $line"
  say "installing with apt: $*"
  logged apt-update ${sudo:+sudo -n} apt-get update
  logged apt-install ${sudo:+sudo -n} env DEBIAN_FRONTEND=noninteractive $line
}

missing_commands() {
  local command
  for command in "$@"; do
    command -v "$command" >/dev/null || printf '%s\n' "$command"
  done
}

# Shared libraries that Open3D's wheel takes from the system.
missing_libraries() {
  local known pair
  known=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null || true)
  for pair in libusb-1.0.so.0=libusb-1.0-0 libGL.so.1=libgl1 libEGL.so.1=libegl1 libX11.so.6=libx11-6 \
    libudev.so.1=libudev1 libidn2.so.0=libidn2-0 libgomp.so.1=libgomp1; do
    [[ $known == *"${pair%%=*} "* ]] || printf '%s\n' "${pair##*=}"
  done
}

# Packages that our manifests name and the sourced Jazzy lacks: ROS ones by their apt name, python3-* as they are.
missing_manifest_packages() {
  local name
  sed -nE 's#.*<(depend|build_depend|exec_depend|buildtool_depend|test_depend)>([^<]+)<.*#\2#p' \
    "$WS"/src/*/package.xml | sort -u | while read -r name; do
    case $name in
      perception_* | *-pip | python3-numba) ;; # ours, or from requirements-jazzy.txt
      rviz2) [[ -n ${PERCEPTION_SKIP_GUI:-} ]] || has_ros_package rviz2 || echo ros-jazzy-rviz2 ;;
      launch_pytest) [[ -n ${PERCEPTION_SKIP_DEV:-} ]] || has_ros_package launch_pytest || echo ros-jazzy-launch-pytest ;;
      python3-*) dpkg -s "$name" >/dev/null 2>&1 || printf '%s\n' "$name" ;;
      *) has_ros_package "$name" || printf 'ros-jazzy-%s\n' "${name//_/-}" ;;
    esac
  done
}

has_ros_package() {
  local prefix
  while IFS= read -r -d : prefix; do
    [[ ! -e $prefix/share/ament_index/resource_index/packages/$1 ]] || return 0
  done <<<"$AMENT_PREFIX_PATH:"
  return 1
}

check_disk() {
  local free
  free=$(df -Pm "$WS" | awk 'NR == 2 { print $4 }')
  ((free >= NEED_MB)) || die "not enough disk space at $WS: $free MB free, $NEED_MB MB needed"
}

# A python3.12 on the PATH can be a version manager's shim that fails: each candidate is run before it is believed.
find_python312() {
  local candidate unshared=
  local -a candidates=("${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12.*/bin/python3.12
    "$HOME"/.local/share/uv/python/cpython-3.12.*/bin/python3.12 python3.12 /usr/bin/python3.12 python3)
  [[ -z ${PYTHON312:-} ]] || candidates=("$PYTHON312")
  for candidate in "${candidates[@]}"; do
    case $("$candidate" -c 'import sys, sysconfig
print(sys.version_info[:2] == (3, 12), bool(sysconfig.get_config_var("Py_ENABLE_SHARED")), sys.implementation.name)' \
      2>/dev/null || true) in
      'True True cpython') command -v "$candidate" && return ;;
      'True False cpython') unshared=$candidate ;;
    esac
  done
  [[ -z $unshared ]] || die "$unshared is not built with --enable-shared, which ROS 2's libraries need;" \
    "  for example: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install 3.12, or name another in PYTHON312"
  die "missing: CPython 3.12 built with --enable-shared${PYTHON312:+ (PYTHON312=$PYTHON312 is none)};" \
    "  for example: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install 3.12, or name one in PYTHON312"
}

# ------------------------------------------------------------------------------------------ Python environments

# An environment that was being changed when its set-up was killed cannot be trusted: pip may have copied half a
# package. One that pip left with an error is whole, and is gone on with.
begin_env() { # environment python venv-options...
  local env=$1 python=$2
  shift 2
  if [[ -e $env.unfinished ]]; then
    say "the last set-up was stopped while it filled ${env#"$WS"/}: starting it again"
    rm -rf "$env"
  fi
  touch "$env.unfinished"
  "$env/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$@" "$env" ||
    die "$python cannot make a virtual environment in $env"
}

end_env() { rm -f "$1.unfinished"; }

pip_install() { # environment pip-arguments...
  local env=$1 name=pip-${1##*/}
  shift
  "$env/bin/python" -m pip install -q --no-input --disable-pip-version-check "$@" >>"$ROS/log/$name.log" 2>&1 && return
  tail -n 25 "$ROS/log/$name.log" >&2
  end_env "$env"
  die "pip failed; the whole output is in $ROS/log/$name.log"
}

references() { # what tests compare with, without the dependencies that would not fit
  [[ -n ${PERCEPTION_SKIP_DEV:-} ]] || pip_install "$VENV" --no-deps -r "$WS/requirements-references.txt"
}
requirements() { printf -- '-r\n%s\n' "$WS/$1"; [[ -n ${PERCEPTION_SKIP_DEV:-} ]] || printf -- '-r\n%s\n' "$WS/requirements-dev.txt"; }

env_key() { # files...
  { printf '%s\n' "$WS" "$UNDERLAY" "${PERCEPTION_SKIP_DEV:-}"; cat "$@"; } | digest
}

# What pip believes to be installed may have lost files since, or want a system library: believe it when it imports.
check_imports() {
  local modules="rclpy colcon_core cv2 matplotlib numba onnxruntime open3d rosbags scipy yaml"
  (
    set +u
    # shellcheck disable=SC1091
    PERCEPTION_UNDERLAY_ONLY=1 source "$WS/env.sh"
    "$VENV/bin/python" -c "import ${modules// /, }"
  ) >"$ROS/log/imports.log" 2>&1
}

# Fills the environment anew, once, when it does not import what it should.
check_or_refill() { # function that filled it
  check_imports && return
  [[ -z ${REFILLED:-} ]] || {
    tail -n 3 "$ROS/log/imports.log" >&2
    die "the Python packages do not import; the whole message is in $ROS/log/imports.log"
  }
  say "the Python environment is damaged: $(tail -n 1 "$ROS/log/imports.log"); filling it again"
  REFILLED=1
  rm -rf "$VENV"
  "$1"
}

# Wheels: two environments, side by side.
setup_wheels() {
  local key python
  # Of an env.sh sourced earlier nothing may leak into pip and CMake.
  unset PYTHONPATH LD_LIBRARY_PATH AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH
  key=$(env_key "$WS"/requirements*.txt "$WS"/constraints.txt "$WS"/underlay/requirements-*.txt)
  [[ -x $VENV/bin/python && -x $MSGS/bin/python ]] && stamped env "$key" && return
  rm -f "$ROS"/*.ok
  [[ -x $VENV/bin/python ]] || check_disk
  python=$(find_python312) || exit 1
  mapfile -t packages < <(missing_commands cmake make g++; missing_libraries)
  apt_install "${packages[@]}"

  say "no apt Jazzy here: ROS 2 Jazzy comes as PyPI wheels, run by $python"
  say "licence: isaacsim-ros2 is under NVIDIA's Omniverse licence (the ROS parts in it under their own); not to be redistributed"
  : >"$ROS/log/pip-venv.log"
  : >"$ROS/log/pip-msgs.log"
  begin_env "$MSGS" "$python"
  begin_env "$VENV" "$python"
  show_progress
  (
    pip_install "$MSGS" -r "$WS/underlay/requirements-interfaces.txt"
    mend_message_paths
    end_env "$MSGS"
  ) &
  local messages=$!
  say "installing the ROS underlay (130 MB to download)"
  pip_install "$VENV" --no-cache-dir --no-deps -r "$WS/underlay/requirements-underlay.txt"
  say "installing the Python packages (450 MB to download)"
  mapfile -t wanted < <(requirements requirements.txt)
  pip_install "$VENV" "${wanted[@]}" -c "$WS/constraints.txt"
  references
  write_ros2_command
  end_env "$VENV"
  wait "$messages" || exit 1
  hide_progress
  check_or_refill setup_wheels
  stamp env "$key"
}

# The message wheels carry the paths of the machine that built them.
mend_message_paths() {
  local built=/opt/python/cp312-cp312 include numpy
  include=$("$MSGS/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  numpy=$("$MSGS/bin/python" -c 'import numpy; print(numpy.get_include())')
  { grep -rIlZ "$built" "$MSGS"/share/*/cmake || true; } | xargs -0r sed -i \
    -e "s#$built/lib/python3.12/site-packages/numpy/_core/include#$numpy#g" -e "s#$built/include/python3.12#$include#g"
}

write_ros2_command() {
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$VENV/bin/python" "$WS/underlay/ros2.py" >"$VENV/bin/ros2"
  chmod +x "$VENV/bin/ros2"
}

# A distribution's Jazzy: its packages from apt, the few that apt lacks in an environment that sees apt's.
setup_jazzy() {
  local key python=python3
  key=$(env_key "$WS"/requirements*.txt "$WS"/src/*/package.xml; printf '%s' "$AMENT_PREFIX_PATH" | digest)
  [[ -x $VENV/bin/python ]] && stamped env "$key" && return
  rm -f "$ROS"/*.ok
  [[ -x $VENV/bin/python ]] || check_disk
  if command -v dpkg >/dev/null; then
    mapfile -t packages < <(missing_commands cmake make g++; missing_libraries; missing_manifest_packages
      "$python" -c 'import ensurepip' 2>/dev/null || echo python3-venv)
    apt_install "${packages[@]}"
  fi
  "$python" -c 'import rclpy' 2>/dev/null || die "$(command -v "$python") cannot import the rclpy of the sourced Jazzy"

  say "using the Jazzy that is $([[ $UNDERLAY == sourced ]] && echo 'already sourced' || echo 'in /opt/ros/jazzy')"
  : >"$ROS/log/pip-venv.log"
  begin_env "$VENV" "$python" --system-site-packages
  show_progress
  say "installing the Python packages that apt lacks"
  mapfile -t wanted < <(requirements requirements-jazzy.txt)
  pip_install "$VENV" "${wanted[@]}"
  references
  end_env "$VENV"
  hide_progress
  check_or_refill setup_jazzy
  stamp env "$key"
}

# Peers of the benchmarks: whoever cannot be installed is left out, and the benchmark says so.
setup_peers() {
  local key
  key=$({ cat "$ROS/env.ok" "$WS/bench-requirements.txt"; } | digest)
  stamped peers "$key" && return
  say "installing the peers of the benchmarks"
  local within=$WS/requirements-jazzy.txt # as constraints: NumPy stays the distribution's
  [[ $UNDERLAY != wheels ]] || within=$WS/constraints.txt
  if "$VENV/bin/python" -m pip install -q --no-input --disable-pip-version-check \
    -r "$WS/bench-requirements.txt" -c "$within" >"$ROS/log/pip-peers.log" 2>&1; then
    stamp peers "$key"
  else
    say "not all of them; the message is in $ROS/log/pip-peers.log"
  fi
}

# ------------------------------------------------------------------------------------------ build

colcon_build() { # log-name colcon-arguments...
  local name=$1
  shift
  # Console scripts get the interpreter that runs colcon, so it is the environment's.
  (cd "$WS" && logged "$name" "$VENV/bin/python" -c 'from colcon_core.command import main; raise SystemExit(main())' \
    build "$@")
}

build_interfaces_with_wheels() {
  local key
  key=$({ printf '%s\n' "$WS" "$(cat "$ROS/env.ok")"
    find "$WS/src/$INTERFACES" -type f -exec sha256sum {} + | sort; } | digest)
  stamped interfaces "$key" && return
  rm -f "$ROS"/interfaces.ok "$ROS/build.ok"
  say "building the messages"
  # The underlay stays out of this build: its rosidl_generator_rs breaks it.
  (
    unset PYTHONPATH LD_LIBRARY_PATH
    export AMENT_PREFIX_PATH=$MSGS CMAKE_PREFIX_PATH=$MSGS PATH=$VENV/bin:$PATH
    colcon_build colcon-interfaces --packages-select "$INTERFACES" \
      --cmake-args -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF -DPython3_EXECUTABLE="$MSGS/bin/python"
  )
  stamp interfaces "$key"
}

# With --symlink-install a changed source needs no build; a new launch file or a changed manifest does.
build_key() {
  cd "$WS"
  printf '%s\n' "$WS" "$(cat "$ROS/env.ok" "$ROS/interfaces.ok" 2>/dev/null)"
  sha256sum src/*/package.xml src/*/CMakeLists.txt src/*/setup.py src/*/setup.cfg
  find src/perception_bringup ../launch ../params ../calibration -type f ! -path '*/__pycache__/*' 2>/dev/null | sort
  [[ $UNDERLAY == wheels ]] || sha256sum src/"$INTERFACES"/msg/*
}

build_workspace() {
  local key
  key=$(build_key | digest)
  [[ -f $WS/install/local_setup.bash ]] && stamped build "$key" && return
  say "building the packages"
  if [[ $UNDERLAY == wheels ]]; then
    (
      # shellcheck disable=SC1091
      PERCEPTION_UNDERLAY_ONLY=1 source "$WS/env.sh"
      colcon_build colcon-packages --symlink-install --packages-skip "$INTERFACES"
    )
  else
    colcon_build colcon-packages --symlink-install
  fi
  stamp build "$key"
}

build() {
  if [[ -e $ROS/build.unfinished ]]; then
    say "the last set-up was stopped while it built: building again"
    rm -rf "$WS/build" "$WS/install" "$ROS"/{interfaces,build}.ok
  fi
  [[ -d $WS/install/$INTERFACES ]] || rm -f "$ROS"/{interfaces,build}.ok
  BUILDING=1
  touch "$ROS/build.unfinished"
  [[ $UNDERLAY != wheels ]] || build_interfaces_with_wheels
  build_workspace
  rm -f "$ROS/build.unfinished"
}

# ------------------------------------------------------------------------------------------ main

# Environments and builds carry absolute paths, and another Jazzy makes all of them void.
start_afresh_elsewhere() {
  local here
  here="$WS $UNDERLAY"
  [[ ! -e $ROS/made_for || $(cat "$ROS/made_for") == "$here" ]] || {
    say "the workspace was made for '$(cat "$ROS/made_for")', this is '$here': starting afresh"
    rm -rf "$VENV" "$MSGS" "$ROS"/*.ok "$WS/build" "$WS/install"
  }
  printf '%s\n' "$here" >"$ROS/made_for"
  printf '%s\n' "$UNDERLAY" >"$ROS/underlay" # env.sh uses what was built with
}

main() {
  mkdir -p "$ROS/log"
  exec 9>"$ROS/lock"
  flock -n 9 || { say "another set-up is at work here, waiting for it"; flock 9; }
  choose_ros
  start_afresh_elsewhere
  if [[ $UNDERLAY == wheels ]]; then setup_wheels; else setup_jazzy; fi
  [[ -z ${PERCEPTION_PEERS:-} ]] || setup_peers
  [[ -n ${PERCEPTION_SKIP_BUILD:-} ]] || build
  say "ready ($UNDERLAY Jazzy): source $WS/env.sh"
}

# On one line, so that bash reads no further: an update may replace this file while it runs.
main "$@"; exit
