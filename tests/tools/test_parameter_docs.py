"""The page of parameters is the one that the config classes give."""

from pathlib import Path

from perception_nodes.config import NODE_CONFIGS
from perception_tools import parameter_docs

PAGE = Path(__file__).parents[2] / "params" / "README.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == parameter_docs.markdown(), "make docs"


def test_every_node_and_a_known_parameter_with_its_range_are_on_it() -> None:
    page = parameter_docs.markdown()
    assert all(f"## {node}\n" in page for node in NODE_CONFIGS)
    assert "| `fusion.camera_wait` | `0.04` s | 0 to 0.5 |" in page
