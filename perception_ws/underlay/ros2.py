"""The ros2 command of the wheels, which bring every verb of ros2cli but not `launch`.

`ros2 launch PACKAGE FILE [key:=value ...]` and `ros2 launch PATH [key:=value ...]` run the launch file with the launch
library itself; `--show-args` (`-s`) lists its arguments. Everything else goes to ros2cli unchanged. On a
distribution's Jazzy this file is not used: there ros2launch is installed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

USAGE = "ros2 launch [-h] [-s] (PACKAGE FILE | PATH) [key:=value ...]"


def find_launch_file(package_or_path: str, name: str | None) -> Path:
    """Path of a launch file, given by its path alone or by its package and file name.

    Raises:
        LookupError: there is no such package, or no such file in its share folder.
    """
    if name is None:
        path = Path(package_or_path)
        if not path.is_file():
            raise LookupError(f"no launch file at {path}")
        return path
    from ament_index_python.packages import get_package_share_directory  # PackageNotFoundError is a LookupError

    share = Path(get_package_share_directory(package_or_path))
    found = sorted(path for path in share.rglob(name) if path.is_file())
    if not found:
        raise LookupError(f"no file named {name} below {share}")
    if len(found) > 1:
        raise LookupError(f"{name} is there more than once below {share}: {', '.join(map(str, found))}")
    return found[0]


def parse_arguments(words: list[str]) -> list[tuple[str, str]]:
    """`key:=value` words as pairs.

    Raises:
        ValueError: a word has no `:=`.
    """
    pairs = []
    for word in words:
        key, separator, value = word.partition(":=")
        if not separator or not key:
            raise ValueError(f"launch argument {word!r}: expected key:=value")
        pairs.append((key, value))
    return pairs


def show_arguments(path: Path) -> None:
    """Print the arguments that a launch file declares, with defaults and descriptions."""
    from launch import LaunchContext
    from launch.launch_description_sources import AnyLaunchDescriptionSource

    context = LaunchContext(argv=[])
    description = AnyLaunchDescriptionSource(str(path)).get_launch_description(context)
    for argument in description.get_launch_arguments():
        # Described, not performed: a default may depend on another argument.
        default = "".join(part.describe() for part in argument.default_value or [])
        print(f"{argument.name} ({f'default: {default}' if default else 'required'})\n    {argument.description}")


def run(path: Path, arguments: list[tuple[str, str]]) -> int:
    """Run a launch file until its processes have ended or Ctrl-C; the exit status of the launch service."""
    from launch import LaunchDescription, LaunchService
    from launch.actions import IncludeLaunchDescription
    from launch.launch_description_sources import AnyLaunchDescriptionSource

    # noninteractive: without it launch leaves Ctrl-C to a terminal's process group, which a script has not.
    service = LaunchService(argv=[f"{key}:={value}" for key, value in arguments], noninteractive=True)
    include = IncludeLaunchDescription(AnyLaunchDescriptionSource(str(path)), launch_arguments=arguments)
    service.include_launch_description(LaunchDescription([include]))
    return int(service.run())


def launch(argv: list[str]) -> int:
    """`ros2 launch`: 0, the status of the launch service, or 2 with one line for a bad command line."""
    parser = argparse.ArgumentParser(prog="ros2 launch", usage=USAGE, add_help=True)
    parser.add_argument("-s", "--show-args", action="store_true", help="list the arguments of the launch file")
    parser.add_argument("words", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_intermixed_args(argv)
    names = [word for word in options.words if ":=" not in word]
    pairs = [word for word in options.words if ":=" in word]
    if not 1 <= len(names) <= 2:
        parser.error("expected PACKAGE FILE, or the PATH of a launch file")
    try:
        path = find_launch_file(names[0], names[1] if len(names) == 2 else None)
        arguments = parse_arguments(pairs)
    except (LookupError, ValueError) as error:
        parser.error(str(error).strip("'\""))
    if options.show_args:
        show_arguments(path)
        return 0
    return run(path, arguments)


def main() -> int:
    """Dispatch: `launch` here, everything else to ros2cli."""
    if sys.argv[1:2] == ["launch"]:
        return launch(sys.argv[2:])
    from ros2cli.cli import main as ros2cli_main

    return int(ros2cli_main() or 0)


if __name__ == "__main__":
    sys.argv[0] = "ros2"  # what usage lines name
    sys.exit(main())
