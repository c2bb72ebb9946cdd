"""YAML as all files of parameters, scenarios, calibrations and models are read."""

from collections.abc import Callable, Hashable
from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"
_VALUE = "tag:yaml.org,2002:value"

_NO_VALUE = (ArithmeticError, AttributeError, LookupError, RecursionError, ValueError)
"""What PyYAML raises for text that is no value of its tag: the 99th of a month, ``!!int ""``, ``!!bool x``,
``!!timestamp x``; and for a thousand brackets."""


def load_yaml(text: str) -> Any:
    """Return the document of a text: plain mappings, lists and scalars.

    Raises:
        yaml.YAMLError: no YAML, an alias of what it stands in, or a mapping that has a key twice: YAML 1.2.2 (3.2.1.3)
            has keys be unique, and of two equal ones, however they are written, the loader would take the last in
            silence.
    """
    try:
        return yaml.load(text, _UniqueKeyLoader)  # noqa: S506  a safe loader
    except _NO_VALUE as error:
        raise yaml.YAMLError(f"no value: {error}") from error


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's safe loader, but for keys that are repeated (what ``<<`` merges may be overridden) and for recursion."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._open: list[str | None] = []

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node, but no alias of one that is still open."""
        if self.check_event(yaml.AliasEvent):
            peek: Callable[[], Any] = self.peek_event
            alias = peek()
            if alias.anchor in self._open:
                raise yaml.composer.ComposerError(None, None, f"{alias.anchor!r} holds itself", alias.start_mark)
        return super().compose_node(parent, index)

    def compose_sequence_node(self, anchor: Any) -> yaml.SequenceNode:
        """Compose a list, open until its last entry."""
        self._open.append(anchor)
        node = super().compose_sequence_node(anchor)
        self._open.pop()
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping, open until its last entry, whose keys are all different."""
        self._open.append(anchor)
        node = super().compose_mapping_node(anchor)
        self._open.pop()
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            value = key.value if key.tag == _VALUE else self.construct_object(key)
            if isinstance(value, Hashable):  # else the loader says so
                if value in seen:
                    raise yaml.composer.ComposerError(None, None, f"repeated key {key.value!r}", key.start_mark)
                seen.add(value)
        return node
