#!/usr/bin/env bash
# Runs the command with ROS, the workspace and the middleware profile sourced; exec, so that signals reach it.
set -euo pipefail
# shellcheck disable=SC1091
source /perception/perception_ws/env.sh
exec "$@"
