"""Configuration: one frozen dataclass a component; the default, unit and range of a parameter exist once.

A field is declared with :func:`param`; :func:`validate` (called from ``__post_init__`` by :class:`Config`) checks
types and ranges; :func:`from_mapping` builds a config from a flat or nested mapping and refuses unknown keys;
:func:`specs` lists the parameters for ROS declarations and for the README.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perception_core.errors import ConfigError

_META = "perception"

Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """What a user sees of one parameter.

    ``name`` is dotted for nested groups (``ground.cell_size``). ``low`` and ``high`` are inclusive and None where
    unbounded; for tuples they hold for every element. ``choices`` is empty where any value of the type will do.
    """

    name: str
    kind: type
    element_kind: type | None
    default: Value
    unit: str
    doc: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]


def param(
    default: Any,
    doc: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declare one parameter of a :class:`Config` with its default, meaning, SI unit and inclusive range."""
    meta = {"doc": doc, "unit": unit, "low": low, "high": high, "choices": choices}
    return dataclasses.field(default=default, metadata={_META: meta})


def group[C: "Config"](config_class: type[C]) -> Any:
    """Nest another :class:`Config` as a named group of parameters."""
    return dataclasses.field(default_factory=config_class)


@dataclass(frozen=True)
class Config:
    """Base of every component's configuration; subclasses are frozen dataclasses whose fields use :func:`param`.

    Raises:
        ConfigError: on construction, naming the key, the value and the range, when a value does not fit.
    """

    def __post_init__(self) -> None:
        """Check every field; an int is accepted (and stored) where a float is asked, a list where a tuple is."""
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if _META not in field.metadata:
                if not isinstance(value, Config):
                    raise ConfigError(f"{field.name}: expected a group of parameters, got {value!r}")
                continue
            checked = _checked(field.name, value, hints[field.name], field.metadata[_META])
            object.__setattr__(self, field.name, checked)


def specs(config_class: type[Config], prefix: str = "") -> Iterator[ParameterSpec]:
    """List the parameters of a config class in order of declaration, groups flattened with dotted names."""
    hints = typing.get_type_hints(config_class)
    for field in dataclasses.fields(config_class):
        name = f"{prefix}{field.name}"
        if _META not in field.metadata:
            yield from specs(hints[field.name], f"{name}.")
            continue
        kind, element = _kind(hints[field.name])
        default = typing.cast("Value", field.default)
        yield ParameterSpec(name, kind, element, default, **_spec_meta(field.metadata[_META]))


def from_mapping[C: "Config"](
    config_class: type[C], mapping: Mapping[str, Any], prefix: str = "", beside: Iterable[str] = ()
) -> C:
    """Build a config from a mapping with dotted or nested keys; what is not named keeps its default.

    Args:
        config_class: the dataclass to build.
        mapping: ``{"ground.cell_size": 0.5}`` or ``{"ground": {"cell_size": 0.5}}``.
        prefix: prepended to names in error messages, for instance the node's name and a dot.
        beside: keys of the same document that somebody else reads; who mistypes one is told of them too.

    Raises:
        ConfigError: unknown key, wrong type, or value out of range; the message names all three.
    """
    nested = _nest(mapping, prefix)
    hints = typing.get_type_hints(config_class)
    fields = {field.name: field for field in dataclasses.fields(config_class)}
    arguments: dict[str, Any] = {}
    for key, value in nested.items():
        if key not in fields:
            known = ", ".join(sorted([*fields, *beside]))
            raise ConfigError(f"{prefix}{key}: unknown parameter (value {value!r}); known here: {known}")
        if _META in fields[key].metadata:
            arguments[key] = _checked(f"{prefix}{key}", value, hints[key], fields[key].metadata[_META])
        elif isinstance(value, Mapping):
            arguments[key] = from_mapping(hints[key], value, f"{prefix}{key}.")
        elif isinstance(value, Config):
            arguments[key] = value
        else:
            raise ConfigError(f"{prefix}{key}: expected a group of parameters, got {value!r}")
    return config_class(**arguments)


def to_mapping(config: Config, prefix: str = "") -> dict[str, Value]:
    """Flatten a config to ``{dotted name: value}``, the inverse of :func:`from_mapping`."""
    flat: dict[str, Value] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, Config):
            flat.update(to_mapping(value, f"{prefix}{field.name}."))
        else:
            flat[f"{prefix}{field.name}"] = value
    return flat


def _nest(mapping: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in mapping.items():
        head, dot, rest = str(key).partition(".")
        if not dot:
            if isinstance(value, Mapping) and isinstance(nested.get(head), dict):
                nested[head].update(value)
            else:
                nested[head] = dict(value) if isinstance(value, Mapping) else value
            continue
        branch = nested.setdefault(head, {})
        if not isinstance(branch, dict):
            raise ConfigError(f"{prefix}{key}: {head} is a value and a group at once")
        branch[rest] = value
    return nested


def _kind(hint: Any) -> tuple[type, type | None]:
    if typing.get_origin(hint) is tuple:
        return tuple, typing.get_args(hint)[0]
    if isinstance(hint, types.UnionType):
        raise TypeError(f"a parameter has one type, got {hint}")
    return hint, None


def _spec_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {key: meta[key] for key in ("unit", "doc", "low", "high", "choices")}


def _checked(name: str, value: Any, hint: Any, meta: Mapping[str, Any]) -> Value:
    kind, element = _kind(hint)
    if kind is tuple and element is not None:
        if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
            raise ConfigError(f"{name}: expected a list of {element.__name__}, got {value!r}")
        return tuple(_checked_scalar(f"{name}[{i}]", v, element, meta) for i, v in enumerate(value))
    return _checked_scalar(name, value, kind, meta)


def _checked_scalar(name: str, value: Any, kind: type, meta: Mapping[str, Any]) -> Scalar:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and number:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name}: expected {kind.__name__}, got {value!r} ({type(value).__name__})")
    low, high, choices = meta["low"], meta["high"], meta["choices"]
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ConfigError(f"{name}: {value!r} is not finite, expected {_range(low, high, meta['unit'])}")
        if (low is not None and value < low) or (high is not None and value > high):
            raise ConfigError(f"{name}: {value!r} is out of range, expected {_range(low, high, meta['unit'])}")
    if choices and value not in choices:
        raise ConfigError(f"{name}: {value!r} is none of {', '.join(choices)}")
    return typing.cast("Scalar", value)


def _range(low: float | None, high: float | None, unit: str) -> str:
    left = "-inf" if low is None else _bound(low)
    right = "inf" if high is None else _bound(high)
    return f"{left} to {right}{' ' + unit if unit else ''}"


def _bound(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"
