"""The page of all parameters, from the config dataclasses: ``python -m perception_tools.parameter_docs``."""

from perception_core.config import Config, ParameterSpec, specs
from perception_nodes.config import NODE_CONFIGS

_INTRODUCTION = """# Parameters

Made from the config dataclasses by `make docs`; do not edit. A profile (`NAME.yaml` in this folder) is a ROS parameter
file that names only what differs from these defaults. A parameter that is not listed here, or a value out of its
range, stops the node with a line that says so. Defaults, ranges and units also show in `ros2 param describe`.
"""


def markdown() -> str:
    """Return the whole page."""
    sections = [_section(name, config) for name, config in NODE_CONFIGS.items()]
    return "\n".join([_INTRODUCTION, *sections])


def _section(node: str, config: type[Config]) -> str:
    rows = [_row(spec) for spec in specs(config)]
    return "\n".join([f"## {node}", "", "| parameter | default | range | meaning |", "|---|---|---|---|", *rows, ""])


def _row(spec: ParameterSpec) -> str:
    default = list(spec.default) if isinstance(spec.default, tuple) else spec.default
    shown = str(default).lower() if isinstance(default, bool) else repr(default) if default == "" else str(default)
    doc = spec.doc.replace("|", "\\|")
    return f"| `{spec.name}` | `{shown}`{' ' + spec.unit if spec.unit else ''} | {_range(spec)} | {doc} |"


def _range(spec: ParameterSpec) -> str:
    if spec.choices:
        return ", ".join(f"`{choice}`" for choice in spec.choices)
    if spec.low is None and spec.high is None:
        return ""
    low = "" if spec.low is None else f"{spec.low:g}"
    high = "" if spec.high is None else f"{spec.high:g}"
    return f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"


if __name__ == "__main__":
    print(markdown(), end="")
