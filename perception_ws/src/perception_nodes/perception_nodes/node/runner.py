"""Start and end of a node's process."""

import gc
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn

from perception_core.errors import PerceptionError
from perception_nodes.node.base import PerceptionNode

GOOD = 0
FAILED = 1
BAD_INPUT = 2


def run(make_node: Callable[[], PerceptionNode[Any]], args: Sequence[str] | None = None) -> int:
    """Run one node until SIGINT or SIGTERM and return the exit code of the process.

    With the parameter ``autostart`` the node configures and activates itself here, and so is active again after a
    respawn, which no launch file event would do for it.
    """
    # rclpy's own handler ends the context and with it the spinning; KeyboardInterrupt, raised in the middle of a
    # callback, would come out of the events executor as an error.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        rclpy.init(args=list(args) if args is not None else None)
    except Exception as error:  # the parameter file is read here
        sys.stderr.write(f"{_one_line(error)}\n")
        return BAD_INPUT
    try:
        return _run(make_node)
    except Exception:
        if rclpy.ok():
            raise
        return GOOD  # told to end in the middle of something
    finally:
        rclpy.try_shutdown()


def _run(make_node: Callable[[], PerceptionNode[Any]]) -> int:
    try:
        node = make_node()
    except PerceptionError as error:
        rclpy.logging.get_logger("perception").fatal(f"bad parameter: {error}")
        return BAD_INPUT
    try:
        if node.config.autostart and not _bring_up(node):
            return FAILED
        spin(node)
        return GOOD
    finally:
        node.destroy_node()


def _bring_up(node: PerceptionNode[Any]) -> bool:
    succeeded = node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    succeeded = succeeded and node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    gc.collect()
    gc.freeze()  # what is there now stays: the collector need not look at it in every scan
    return succeeded


def spin(node: PerceptionNode[Any]) -> None:
    """Serve the node until the process is told to end."""
    executor = make_executor()
    executor.add_node(node)
    try:
        while rclpy.ok():
            executor.spin()
    except ExternalShutdownException:
        pass
    finally:
        executor.shutdown()


def make_executor(context: Context | None = None) -> Executor:
    """Return the events executor, which takes a sixth of the others' time, or else the single-threaded one."""
    try:
        from rclpy.experimental import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor(context=context)
    return EventsExecutor(context=context)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
