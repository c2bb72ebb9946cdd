"""The lifecycle node that every node of the stack is."""

import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile

from perception_core import errors
from perception_core.compiling import CompileWatch
from perception_core.errors import PerceptionError
from perception_nodes.config import NodeConfig
from perception_nodes.conversions.diagnostics import ERROR, OK, STALE, WARN, diagnostics_to_msg
from perception_nodes.conversions.time import NS, seconds
from perception_nodes.node import qos
from perception_nodes.node.parameters import declare_parameters
from perception_nodes.node.stamps import StampGate, StampRefusedError
from perception_nodes.node.statistics import Statistics

if TYPE_CHECKING:
    from rclpy.subscription import Subscription
    from rclpy.timer import Timer

RCLError = rclpy_implementation.RCLError

NAMESPACE = "/perception"
"""Where nodes live unless a remapping of ``__ns`` says otherwise."""

_JUMP_BACK_NS = 100_000_000
_WARN_PERIOD_NS = NS
_REASONS: dict[type[PerceptionError], str] = {
    errors.CloudError: "bad_cloud",
    errors.ImageError: "bad_image",
    errors.CalibrationError: "bad_calibration",
    errors.TransformError: "no_transform",
    errors.ModelError: "model",
    errors.StampError: "bad_stamp",
}


class PerceptionNode[N: NodeConfig](LifecycleNode):
    """Parameters from a config class, guarded callbacks, age limits, statistics and diagnostics.

    A subclass fills in the hooks :meth:`prepare` (make core objects and publishers), :meth:`start` (subscribe),
    :meth:`on_time_reset` and :meth:`health`.
    """

    def __init__(self, name: str, config_class: type[N], **options: Any) -> None:
        """Declare the parameters; ``options`` are rclpy's (context, parameter_overrides ...).

        Raises:
            ConfigError: a parameter that is unknown or does not fit.
        """
        super().__init__(
            name, automatically_declare_parameters_from_overrides=True, **{"namespace": NAMESPACE, **options}
        )
        self.config: N = declare_parameters(self, config_class)
        self._answer_impossible_transitions()
        self.stats = Statistics()
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._gates: list[StampGate] = []
        self._inputs: list[Subscription] = []
        self._timers_made: list[Timer] = []
        self._warned: dict[str, tuple[int, int]] = {}
        self._active = False
        self._reported_drops = 0
        self._compiling = CompileWatch()
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", qos.result(10))
        self.create_timer(1.0, self._report, clock=self.steady)
        self._jumps = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-_JUMP_BACK_NS), on_clock_change=False),
            post_callback=self._time_jumped,
        )

    # -- hooks ---------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the core objects, warm them up, create the publishers. May raise PerceptionError."""

    def start(self) -> None:
        """Subscribe and make timers; they are taken down again when the node is deactivated."""

    def on_time_reset(self) -> None:
        """Forget everything that depends on time: it was set back."""

    def health(self) -> tuple[int, str]:
        """Return level and one phrase of what limits the node now, besides drops."""
        return OK, ""

    def hardware_id(self) -> str:
        """Return the name of the sensor that the node serves."""
        return ""

    # -- lifecycle -----------------------------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Prepare; an error of the core is logged in one line and leaves the node unconfigured."""
        try:
            self.prepare()
        except PerceptionError as error:
            self.get_logger().fatal(f"cannot be configured: {error}")
            return TransitionCallbackReturn.FAILURE
        except Exception:
            self.get_logger().fatal(f"cannot be configured: {traceback.format_exc()}")
            raise
        finally:
            self._compiling = CompileWatch()
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to listen."""
        result = super().on_activate(state)
        self._active = True
        self.start()
        self.get_logger().info("active")
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop listening."""
        self._active = False
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        for timer in self._timers_made:
            self.destroy_timer(timer)
        self._inputs.clear()
        self._timers_made.clear()
        self._reset()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of publishers and core objects; configuring again makes new ones."""
        result = super().on_cleanup(state)
        for publisher in [p for p in self._managed_entities if isinstance(p, Publisher)]:
            self.destroy_lifecycle_publisher(publisher)
        self._gates.clear()
        return result

    def _answer_impossible_transitions(self) -> None:
        """Answer a ChangeState that the state does not allow with success=False; rclpy leaves the caller waiting."""
        service = self._service_change_state
        change_state = service.callback

        def answer(request: Any, response: Any) -> Any:
            try:
                return change_state(request, response)
            except RCLError as error:
                self.get_logger().warning(f"refused: transition {request.transition.id}: {error}")
                response.success = False
                return response

        service.callback = answer

    # -- endpoints -----------------------------------------------------------------------------------------------

    def publish_to(self, kind: type, topic: str, profile: QoSProfile | None = None) -> Publisher:
        """Create a lifecycle publisher whose QoS parameters may override."""
        return self.create_lifecycle_publisher(
            kind, topic, profile or qos.result(), qos_overriding_options=qos.overriding()
        )

    def listen(
        self, kind: type, topic: str, callback: Callable[[Any], None], profile: QoSProfile, raw: bool = False
    ) -> None:
        """Subscribe with a guarded callback, which ``raw`` gives bytes; QoS parameters may override."""
        options = qos.overriding()
        self._inputs.append(
            self.create_subscription(
                kind, topic, self.guard(callback), profile, qos_overriding_options=options, raw=raw
            )
        )

    def every(self, period_s: float, callback: Callable[[], None]) -> None:
        """Run a guarded callback periodically on the steady clock."""
        guarded = self.guard(lambda _: callback())
        self._timers_made.append(self.create_timer(period_s, lambda: guarded(None), clock=self.steady))

    def gate(self, source: str) -> StampGate:
        """Return the age limits for one source of messages."""
        gate = StampGate(source, seconds(self.config.max_age), seconds(self.config.max_future))
        self._gates.append(gate)
        return gate

    def guard(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """Wrap a callback: errors are counted and reported, none ends the node."""

        def guarded(msg: Any) -> None:
            try:
                callback(msg)
            except PerceptionError as error:
                self.drop(reason_of(error), str(error))
            except Exception as error:  # a fault of ours: loud, but the other messages still count
                if not self.context.ok():
                    return  # told to end in the middle of something
                self.stats.dropped("internal_error", f"{type(error).__name__}: {error}")
                self.warn_each_second("internal_error", traceback.format_exc(), error=True)

        return guarded

    # -- time ----------------------------------------------------------------------------------------------------

    def now_ns(self) -> int:
        """Return the ROS clock, which may be simulated; 0 before a simulated clock has begun."""
        return int(self.get_clock().now().nanoseconds)

    def since_ms(self, stamp_ns: int) -> float:
        """Return milliseconds of the ROS clock since a stamp."""
        return (self.now_ns() - stamp_ns) / 1e6

    def _time_jumped(self, jump: TimeJump) -> None:
        self.get_logger().warning(f"time went back by {-jump.delta.nanoseconds / 1e9:.3f} s: starting afresh")
        self.stats.drops["time_jumps"] += 1
        self._reset()

    def _reset(self) -> None:
        for gate in self._gates:
            gate.reset()
        self.on_time_reset()

    # -- reports -------------------------------------------------------------------------------------------------

    def drop(self, reason: str, text: str, count: int = 1) -> None:
        """Count a message that is not used, or ``count`` things of one; warn of the reason at most once a second."""
        self.stats.dropped(reason, text, count)
        self.warn_each_second(reason, text)

    def warn_each_second(self, reason: str, text: str, error: bool = False) -> None:
        """Log a line a reason and second; the next line says how many were left out."""
        now_ns = time.monotonic_ns()
        last_ns, left_out = self._warned.get(reason, (-_WARN_PERIOD_NS, 0))
        if now_ns - last_ns < _WARN_PERIOD_NS:
            self._warned[reason] = (last_ns, left_out + 1)
            return
        self._warned[reason] = (now_ns, 0)
        line = f"{reason}: {text}" + (f" (and {left_out} more like it)" if left_out else "")
        if error:
            self.get_logger().error(line)
        else:
            self.get_logger().warning(line)

    def _report(self) -> None:
        self._note_compilations()
        level, message = self.health() if self._active else (STALE, "not active")
        dropped = self.stats.drops.total()
        fresh, self._reported_drops = dropped - self._reported_drops, dropped
        if fresh and level == OK:
            level, message = WARN, f"{fresh} dropped in the last second: {self.stats.last_error}"
        if self.stats.drops["internal_error"] and level < ERROR:
            level = ERROR
        values = self.stats.values(time.monotonic_ns())
        name = self.get_fully_qualified_name()
        self._diagnostics.publish(
            diagnostics_to_msg(max(self.now_ns(), 0), name, self.hardware_id(), level, message or "OK", values)
        )

    def _note_compilations(self) -> None:
        """Count kernels that were compiled since the node was configured: the messages meanwhile had to wait."""
        for kernel in self._compiling.late():
            self.stats.counts["late_compilations"] += 1
            self.get_logger().warning(f"{kernel} was compiled while messages came: its warm-up misses a case")


def reason_of(error: PerceptionError) -> str:
    """Return the key under which a dropped message is counted."""
    if isinstance(error, StampRefusedError):
        return error.reason
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), "bad_message")
