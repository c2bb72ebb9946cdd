"""YAML as all files of parameters, scenarios, calibrations and models are read."""

from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"


def load_yaml(text: str) -> Any:
    """Return the document of a text: plain mappings, lists and scalars.

    Raises:
        yaml.YAMLError: no YAML, or a mapping that has a key twice: YAML 1.2.2 (3.2.1.3) has keys be unique, and of two
            equal ones the loader would take the last in silence.
    """
    try:
        return yaml.load(text, _UniqueKeyLoader)  # noqa: S506  a safe loader
    except (ValueError, RecursionError) as error:  # the 99th of a month; a thousand brackets
        raise yaml.YAMLError(str(error)) from error


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's safe loader, but for keys that are repeated; what ``<<`` merges may be overridden."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if (key.tag, key.value) in seen:
                    raise yaml.composer.ComposerError(None, None, f"repeated key {key.value!r}", key.start_mark)
                seen.add((key.tag, key.value))
        return node
