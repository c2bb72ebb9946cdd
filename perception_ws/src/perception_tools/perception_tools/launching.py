"""Runs one launch file to its end: python -m perception_tools.launching FILE name:=value.

`ros2 launch` does the same, but is not installed everywhere.
"""

import signal
import sys
from collections.abc import Sequence

from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource


def launch(file: str, arguments: dict[str, str]) -> int:
    """Run a launch file until all its processes have ended or a signal comes; return the launch service's status.

    ``noninteractive``: without a terminal a SIGINT would not reach the processes that were launched.
    """
    service = LaunchService(noninteractive=True)
    source = PythonLaunchDescriptionSource(file)
    included = IncludeLaunchDescription(source, launch_arguments=arguments.items())
    service.include_launch_description(LaunchDescription([included]))
    return int(service.run())


def main(argv: Sequence[str] | None = None) -> int:
    """Take the file and name:=value words from the command line."""
    # A shell starts background jobs with SIGINT ignored, and that is inherited: nothing could end us in good order.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    file, *words = sys.argv[1:] if argv is None else argv
    return launch(file, {name: value for name, _, value in (word.partition(":=") for word in words)})


if __name__ == "__main__":
    sys.exit(main())
