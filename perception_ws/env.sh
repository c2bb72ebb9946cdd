# To source, from any directory, in bash or zsh: ROS 2 Jazzy, the Python environment, this workspace, the middleware.
#
#   source perception_ws/env.sh
#
# Variables that are already set are respected: RMW_IMPLEMENTATION, FASTRTPS_DEFAULT_PROFILES_FILE,
# ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_DOMAIN_ID. Sourcing twice changes nothing. Safe under `set -eu`.
# shellcheck shell=bash disable=SC1090,SC1091

_perception_prepend() { # variable directory: puts it first unless it is there already
  eval "_perception_value=\${$1:-}"
  case ":$_perception_value:" in
    *":$2:"*) ;;
    *) eval "export $1=\"\$2\${_perception_value:+:\$_perception_value}\"" ;;
  esac
  unset _perception_value
}

# The scripts of ROS and colcon read variables that are not set.
_perception_source() { # file
  case $- in
    *u*)
      set +u
      . "$1"
      set -u
      ;;
    *) . "$1" ;;
  esac
}

_perception_env() { # directory of this file
  # Which Jazzy: what setup.sh built with, else in its order.
  if [ -f "$1/.ros/underlay" ]; then
    PERCEPTION_UNDERLAY=$(cat "$1/.ros/underlay")
  elif [ -n "${AMENT_PREFIX_PATH:-}" ]; then
    PERCEPTION_UNDERLAY=sourced
  else
    PERCEPTION_UNDERLAY=system
  fi
  export PERCEPTION_UNDERLAY

  _perception_shell=bash
  [ -z "${ZSH_VERSION:-}" ] || _perception_shell=zsh
  _perception_site=$1/.ros/venv/lib/python3.12/site-packages
  case $PERCEPTION_UNDERLAY in
    wheels)
      _perception_jazzy=$_perception_site/isaacsim/exts/isaacsim.ros2.core/jazzy
      if [ ! -d "$_perception_jazzy" ]; then
        echo "env.sh: no ROS 2 in $1/.ros: run $1/setup.sh" >&2
        return 1
      fi
      export ROS_DISTRO=jazzy ROS_VERSION=2 ROS_PYTHON_VERSION=3
      _perception_prepend AMENT_PREFIX_PATH "$_perception_jazzy"
      _perception_prepend LD_LIBRARY_PATH "$_perception_jazzy/lib"
      _perception_prepend PYTHONPATH "$_perception_jazzy/rclpy"
      # Machines that need the wheels are development and CI machines, several of which may share a network with
      # a robot: talk to it only when asked to. A distribution's Jazzy keeps its own default (SUBNET).
      export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"
      ;;
    *)
      if [ "${ROS_DISTRO:-}" != jazzy ]; then
        if [ ! -f "/opt/ros/jazzy/setup.$_perception_shell" ]; then
          echo "env.sh: source your ROS 2 Jazzy first (there is none in /opt/ros/jazzy), or run $1/setup.sh" >&2
          return 1
        fi
        _perception_source "/opt/ros/jazzy/setup.$_perception_shell"
      fi
      # After ROS and its own packages: what apt lacks must be found by apt's python3 too, so that the scripts of a
      # plain `colcon build` run.
      case ":${PYTHONPATH:-}:" in
        *":$_perception_site:"*) ;;
        *) [ ! -d "$_perception_site" ] || export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}$_perception_site" ;;
      esac
      ;;
  esac
  [ ! -d "$1/.ros/venv/bin" ] || _perception_prepend PATH "$1/.ros/venv/bin"
  [ -z "${PERCEPTION_UNDERLAY_ONLY:-}" ] || return 0

  [ ! -f "$1/install/local_setup.$_perception_shell" ] || _perception_source "$1/install/local_setup.$_perception_shell"

  # The middleware. Stock Fast DDS lost more than half of the scans between two processes (its shared-memory segment
  # holds 0.5 MB, a scan has 1.8 MB); the profile explains itself and what was measured.
  export RMW_IMPLEMENTATION="${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}"
  _perception_profile=$1/install/perception_bringup/share/perception_bringup/config/fastdds.xml
  [ -f "$_perception_profile" ] || _perception_profile=$1/src/perception_bringup/config/fastdds.xml
  export FASTRTPS_DEFAULT_PROFILES_FILE="${FASTRTPS_DEFAULT_PROFILES_FILE:-$_perception_profile}"
}

if [ -n "${ZSH_VERSION:-}" ]; then
  eval '_perception_here=${(%):-%x}' # zsh's word for BASH_SOURCE, which bash must not parse
else
  _perception_here=${BASH_SOURCE[0]}
fi
_perception_here=$(cd "$(dirname "$_perception_here")" && pwd -P)
if _perception_env "$_perception_here"; then _perception_status=0; else _perception_status=1; fi
unset -f _perception_prepend _perception_source _perception_env
unset _perception_here _perception_jazzy _perception_site _perception_shell _perception_profile
eval "unset _perception_status; return $_perception_status"
