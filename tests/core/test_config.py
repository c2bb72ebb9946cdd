"""Configuration: one default, checked values, errors that name key, value and range."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core import config
from perception_core.errors import ConfigError


@dataclass(frozen=True)
class Inner(config.Config):
    """A nested group."""

    cell: float = config.param(0.5, "cell size", unit="m", low=0.1, high=2.0)
    names: tuple[str, ...] = config.param(("a", "b"), "some names")


@dataclass(frozen=True)
class Outer(config.Config):
    """A component."""

    inner: Inner = config.group(Inner)
    count: int = config.param(3, "how many", low=1, high=10)
    kind: str = config.param("grid", "which", choices=("grid", "polar"))
    on: bool = config.param(True, "whether")
    sizes: tuple[float, ...] = config.param((1.0, 2.0), "sizes", unit="m", low=0.0)


def test_defaults_need_no_file() -> None:
    assert config.from_mapping(Outer, {}) == Outer()


def test_dotted_and_nested_keys_mean_the_same() -> None:
    dotted = config.from_mapping(Outer, {"inner.cell": 1, "count": 4})
    nested = config.from_mapping(Outer, {"inner": {"cell": 1.0}, "count": 4})
    assert dotted == nested
    assert dotted.inner.cell == 1.0


def test_a_flat_mapping_round_trips() -> None:
    changed = Outer(inner=Inner(cell=0.7, names=("x",)), count=9, kind="polar", on=False, sizes=())
    assert config.from_mapping(Outer, config.to_mapping(changed)) == changed


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"inner.cel": 1.0}, r"inner.cel: unknown parameter \(value 1.0\); known here: cell, names"),
        ({"inner.cell": 5.0}, r"inner.cell: 5.0 is out of range, expected 0.1 to 2 m"),
        ({"inner.cell": float("nan")}, "inner.cell: nan is not finite"),
        ({"count": 2.5}, "count: expected int, got 2.5"),
        ({"count": True}, "count: expected int, got True"),
        ({"on": 1}, "on: expected bool, got 1"),
        ({"kind": "hex"}, "kind: 'hex' is none of grid, polar"),
        ({"sizes": [1.0, -1.0]}, r"sizes\[1\]: -1.0 is out of range, expected 0 to inf m"),
        ({"sizes": "12"}, "sizes: expected a list of float"),
        ({"inner": 3}, "inner: expected a group"),
        ({"count.x": 1, "inner": {}}, "count"),
    ],
)
def test_errors_name_key_value_and_range(mapping: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config.from_mapping(Outer, mapping)


def test_errors_carry_the_prefix_of_the_node() -> None:
    with pytest.raises(ConfigError, match=r"lidar_node\.inner\.cell"):
        config.from_mapping(Outer, {"inner.cell": 9.0}, prefix="lidar_node.")


def test_construction_checks_too() -> None:
    with pytest.raises(ConfigError, match="count: 11 is out of range"):
        Outer(count=11)


def test_specs_flatten_groups_in_order() -> None:
    listed = list(config.specs(Outer))
    assert [s.name for s in listed] == ["inner.cell", "inner.names", "count", "kind", "on", "sizes"]
    assert (listed[0].default, listed[0].unit, listed[0].low, listed[0].high) == (0.5, "m", 0.1, 2.0)
    assert (listed[1].kind, listed[1].element_kind) == (tuple, str)


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.none(), st.integers(), st.text(), st.lists(st.integers()))))
def test_any_mapping_gives_a_config_or_a_config_error(mapping: dict[str, object]) -> None:
    try:
        built = config.from_mapping(Outer, mapping)
    except ConfigError:
        return
    assert isinstance(built, Outer)


def test_who_mistypes_a_key_is_told_of_those_that_are_read_apart_too() -> None:
    beside = ("zebras", "actors")
    with pytest.raises(ConfigError, match=r"inner\.cel: .* known here: cell, names$"):
        config.from_mapping(Outer, {"inner.cel": 1.0}, beside=beside)
    with pytest.raises(ConfigError, match=r"outr: .* known here: actors, count, inner, kind, on, sizes, zebras$"):
        config.from_mapping(Outer, {"outr": 1}, beside=beside)
