#!/usr/bin/env bash
# Builds the image of this machine and runs a command in it, with the GPU where there is one.
#
#   docker/run.sh                                  the vehicle profile
#   docker/run.sh perception demo                  any other command
#   docker/run.sh bash
#
# PERCEPTION_MODELS and PERCEPTION_DATA are mounted read-only where they are set; out/ is written to the repository.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
command -v docker >/dev/null || { echo "run.sh: docker is not installed" >&2; exit 1; }

image=perception dockerfile=docker/Dockerfile
if [[ -f /etc/nv_tegra_release ]]; then
  image=perception:jetson dockerfile=docker/Dockerfile.jetson
fi

options=(--rm --init --network host --ipc host --volume "$ROOT/out:/perception/out")
[[ ! -t 0 ]] || options+=(--interactive --tty)
if docker info --format '{{json .Runtimes}}' 2>/dev/null | grep -q '"nvidia"'; then
  options+=(--runtime nvidia --env NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics)
else
  echo "run.sh: no nvidia runtime in docker, running without a GPU" >&2
fi
[[ -z ${ROS_DOMAIN_ID:-} ]] || options+=(--env "ROS_DOMAIN_ID=$ROS_DOMAIN_ID")
[[ -z ${PERCEPTION_MODELS:-} ]] ||
  options+=(--volume "$(realpath "$PERCEPTION_MODELS"):/models:ro" --env PERCEPTION_MODELS=/models)
[[ -z ${PERCEPTION_DATA:-} ]] ||
  options+=(--volume "$(realpath "$PERCEPTION_DATA"):/data:ro" --env PERCEPTION_DATA=/data)
if [[ -n ${DISPLAY:-} && -d /tmp/.X11-unix ]]; then
  options+=(--env DISPLAY --volume /tmp/.X11-unix:/tmp/.X11-unix)
fi

mkdir -p "$ROOT/out"
docker build --file "$ROOT/$dockerfile" --tag "$image" "$ROOT"
exec docker run "${options[@]}" "$image" "$@"
