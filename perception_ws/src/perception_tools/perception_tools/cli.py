"""The command `perception`: one verb a capability.

Exit status: 0 good, 1 a check failed, 2 bad input (one clear line on stderr), 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from perception_core.errors import PerceptionError
from perception_tools.commands import bench, calibrate, convert, demo, doctor, evaluate, models, replay, simulate, view

COMMANDS = {
    "demo": demo,
    "convert": convert,
    "simulate": simulate,
    "replay": replay,
    "evaluate": evaluate,
    "view": view,
    "doctor": doctor,
    "calibrate": calibrate,
    "models": models,
    "bench": bench,
}
"""Each module has HELP, add_arguments(parser) and run(arguments) -> exit status; heavy imports happen in run."""


def parser() -> argparse.ArgumentParser:
    """Command line of all verbs."""
    top = argparse.ArgumentParser(prog="perception", description="Camera and LiDAR in, tracked obstacles out.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, module in COMMANDS.items():
        verb = verbs.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(verb)
        verb.set_defaults(run=module.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except PerceptionError as error:
        print(f"perception {arguments.verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"perception {arguments.verb}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone: `perception replay ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
