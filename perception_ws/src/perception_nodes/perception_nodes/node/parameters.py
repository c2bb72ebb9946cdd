"""ROS parameters derived from the core's configuration dataclasses: names, defaults, units and ranges exist once."""

import math
from collections.abc import Iterator
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from perception_core.config import Config, ParameterSpec, from_mapping, specs, to_mapping
from perception_core.errors import ConfigError

_INT_LIMIT = 2**63 - 1
_OF_ROS = ("use_sim_time", "start_type_description_service", "qos_overrides.")
"""Parameters that rclpy declares itself."""


def declare_parameters[C: Config](node: Node, config_class: type[C]) -> C:
    """Declare every parameter of a config class on a node and return the config with the node's overrides.

    The node must have been made with ``automatically_declare_parameters_from_overrides``: what was set from outside is
    checked first, so that a typing error in a parameter file stops the node instead of passing in silence. All
    parameters are read-only: they are read once, when the node is made.

    Raises:
        ConfigError: unknown, of the wrong type or out of range; names the parameter, the value and the range.
    """
    known = {spec.name: spec for spec in specs(config_class)}
    overrides = dict(_overrides(node, known))
    config = from_mapping(config_class, overrides)
    values = to_mapping(config)
    for name, spec in known.items():
        if node.has_parameter(name):
            node.undeclare_parameter(name)
        node.declare_parameter(name, _to_ros(values[name]), describe(spec), ignore_override=True)
    return config


def describe(spec: ParameterSpec) -> ParameterDescriptor:
    """Return the descriptor of one parameter: meaning, unit and range as `ros2 param describe` shows them."""
    unit = f" [{spec.unit}]" if spec.unit else ""
    choices = f"one of: {', '.join(spec.choices)}" if spec.choices else ""
    descriptor = ParameterDescriptor(
        name=spec.name, description=f"{spec.doc}{unit}", additional_constraints=choices, read_only=True
    )
    scalar = spec.element_kind or spec.kind
    if scalar is float and (spec.low is not None or spec.high is not None):
        low = -math.inf if spec.low is None else float(spec.low)
        high = math.inf if spec.high is None else float(spec.high)
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    if scalar is int and (spec.low is not None or spec.high is not None):
        low_int = -_INT_LIMIT if spec.low is None else int(spec.low)
        high_int = _INT_LIMIT if spec.high is None else int(spec.high)
        descriptor.integer_range = [IntegerRange(from_value=low_int, to_value=high_int, step=1)]
    if spec.kind is tuple:  # an empty list has no type of its own in ROS
        descriptor.dynamic_typing = True
    return descriptor


def _overrides(node: Node, known: dict[str, ParameterSpec]) -> Iterator[tuple[str, Any]]:
    for name, parameter in node.get_parameters_by_prefix("").items():
        if name.startswith(_OF_ROS):
            continue
        value = parameter.value
        empty = value is None or (not isinstance(value, str) and hasattr(value, "__len__") and not len(value))
        if name in known and known[name].kind is tuple and empty:
            yield name, ()
        elif value is None:
            raise ConfigError(f"{name}: no value given")
        else:
            yield name, value if isinstance(value, bool | int | float | str) else tuple(value)


def _to_ros(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
