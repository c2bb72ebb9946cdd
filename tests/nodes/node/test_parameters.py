import math
from dataclasses import dataclass

import pytest
import rclpy
from rclpy.parameter import Parameter

from perception_core.config import Config, group, param, specs
from perception_core.errors import ConfigError
from perception_nodes.config import NODE_CONFIGS
from perception_nodes.node.parameters import declare_parameters, describe


@dataclass(frozen=True)
class Inner(Config):
    cells: int = param(3, "how many", low=1, high=9)


@dataclass(frozen=True)
class Example(Config):
    gap: float = param(0.5, "distance", unit="m", low=0.0)
    kind: str = param("a", "which", choices=("a", "b"))
    names: tuple[str, ...] = param(("x",), "some")
    on: bool = param(True, "whether")
    inner: Inner = group(Inner)


@pytest.fixture
def declare():
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    nodes = []

    def make(**values):
        overrides = [Parameter(name.replace("__", "."), value=value) for name, value in values.items()]
        node = rclpy.create_node(
            "n",
            context=context,
            parameter_overrides=overrides,
            automatically_declare_parameters_from_overrides=True,
        )
        nodes.append(node)
        return node, declare_parameters(node, Example)

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_defaults_are_the_dataclass_s(declare):
    node, config = declare()
    assert config == Example()
    assert node.get_parameter("inner.cells").value == 3
    assert list(node.get_parameter("names").value) == ["x"]


def test_overrides_are_taken_and_a_whole_number_will_do_for_a_float(declare):
    node, config = declare(gap=2, inner__cells=9, names=["p", "q"], on=False)
    assert config == Example(gap=2.0, names=("p", "q"), on=False, inner=Inner(9))
    assert node.get_parameter("gap").value == 2.0


def test_an_empty_list_is_one(declare):
    assert declare(names=[])[1].names == ()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"gap": -1.0}, "gap: -1.0 is out of range, expected 0 to inf m"),
        ({"inner__cells": 10}, "inner.cells: 10 is out of range, expected 1 to 9"),
        ({"inner__cells": 2.5}, "inner.cells: expected int, got 2.5"),
        ({"kind": "c"}, "kind: 'c' is none of a, b"),
        ({"gapp": 1.0}, "gapp: unknown parameter"),
        ({"inner__cell": 1}, "inner.cell: unknown parameter"),
        ({"on": "yes"}, "on: expected bool, got 'yes'"),
    ],
)
def test_what_does_not_fit_is_named(declare, values, text):
    with pytest.raises(ConfigError, match=text.replace("(", r"\(")):
        declare(**values)


def test_descriptors_say_what_the_dataclass_says(declare):
    node, _ = declare()
    gap, cells = node.describe_parameter("gap"), node.describe_parameter("inner.cells")
    assert (gap.description, gap.read_only) == ("distance [m]", True)
    assert (gap.floating_point_range[0].from_value, gap.floating_point_range[0].to_value) == (0.0, math.inf)
    assert (cells.integer_range[0].from_value, cells.integer_range[0].to_value) == (1, 9)
    assert node.describe_parameter("kind").additional_constraints == "one of: a, b"


def test_parameters_are_read_only(declare):
    node, _ = declare()
    (result,) = node.set_parameters([Parameter("gap", value=1.0)])
    assert not result.successful


@pytest.mark.parametrize("config", NODE_CONFIGS.values())
def test_every_parameter_of_every_node_is_described(config):
    for spec in specs(config):
        assert describe(spec).description
