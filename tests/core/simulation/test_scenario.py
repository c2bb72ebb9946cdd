"""Scenarios as data: what is read, what is refused, and that nobody drives into anybody."""

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perception_core.errors import ConfigError
from perception_core.geometry.boxes import iou_bev
from perception_core.simulation.scenario import load_scenario, parse_scenario, scenario_names
from perception_core.simulation.world import build_world


def test_the_scenarios_of_the_package_load():
    assert {"city", "tiny"} <= set(scenario_names())
    for name in scenario_names():
        scenario = load_scenario(name)
        assert scenario.config.description
        assert scenario.actors


def test_an_empty_document_is_an_empty_street():
    scenario = parse_scenario("empty", {})
    assert scenario.actors == ()
    assert scenario.config.duration == 15.0


def test_pairs_may_be_nested_or_flat():
    nested = parse_scenario("x", {"actors": [{"path": [[0, 1], [2, 3]]}]})
    assert nested.actors == parse_scenario("x", {"actors": [{"path": [0, 1, 2, 3]}]}).actors
    assert nested.actors[0].path == (0.0, 1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"sedd": 1}, r"x\.sedd: unknown parameter \(value 1\)"),
        ({"street": {"kerbs": 3}}, r"x\.street\.kerbs: unknown parameter"),
        ({"street": {"lane_width": -1}}, r"x\.street\.lane_width: -1.* out of range"),
        ({"actors": [{"model": "tank"}]}, r"x\.actors\[0\]\.model: 'tank' is none of"),
        ({"actors": [{"colour": 1}]}, r"x\.actors\[0\]\.colour: unknown"),
        ({"actors": {"model": "sedan"}}, r"x\.actors: expected a list"),
        ({"actors": [{"path": [1, 2, 3]}]}, r"x\.actors\[0\]\.path: .* groups of 2"),
        ({"ego": {"speed": [0]}}, r"x\.ego\.speed"),
        ({"lidar": {"elevations": [0, 1, 2.5]}}, r"x\.lidar\.elevations: .* whole"),
        ({"lidar": {"position": [0, 1]}}, r"x\.lidar\.position: .* expected 3 numbers"),
        ({"lidars": [1]}, r"x\.lidars: expected a mapping of mappings"),
        ({"lidars": {"top": {}}}, r"x\.lidars\.top: the name of the LiDAR under `lidar`"),
        ({"lidars": {"rear": {"beams": 1}}}, r"x\.lidars\.rear\.beams: unknown parameter"),
        ({"lidars": {"rear": {"position": [1]}}}, r"x\.lidars\.rear\.position: .* expected 3 numbers"),
        ({"lidars": {"rear": {"rate": 20.0}}}, r"x\.lidars\.rear\.rate: 20.0 is more than 10.0 of lidar.rate"),
        ({"street": {"elevation": [0, 1, 2]}}, r"x\.street\.elevation: .* groups of 2"),
        ({"street": {"hanging": [0, 1, 2]}}, r"x\.street\.hanging: .* groups of 5"),
        ([1, 2], "expected a mapping"),
        (None, "expected a mapping"),
    ],
)
def test_what_is_no_scenario_is_refused_by_name(document, message):
    with pytest.raises(ConfigError, match=message):
        parse_scenario("x", document)


def test_further_lidars_have_frames_of_their_own():
    scenario = parse_scenario("x", {"lidars": {"rear": {"yaw": 180.0}, "left": {"frame": "port"}}})
    assert [(name, lidar.frame) for name, lidar in scenario.lidars] == [("rear", "lidar_rear"), ("left", "port")]


def test_files_are_read_and_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"duration": 3.0}))
    assert load_scenario(path).config.duration == 3.0
    assert load_scenario(path).name == "mine"
    path.write_text("a: [")
    with pytest.raises(ConfigError, match="not YAML"):
        load_scenario(path)
    with pytest.raises(ConfigError, match=r"other\.yaml: cannot read"):
        load_scenario(tmp_path / "other.yaml")
    with pytest.raises(ConfigError, match=r"'citi': neither a known name .*city"):
        load_scenario("citi")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(["seed", "street", "actors", "path", "lidar", "lidars", "elevations", "ego"]),
                x,
                max_size=3,
            )
        ),
        max_leaves=8,
    )
)
def test_any_document_is_read_or_refused(document):
    try:
        scenario = parse_scenario("any", document)
    except ConfigError:
        return
    assert scenario.name == "any"


@pytest.mark.parametrize("name", scenario_names())
def test_nobody_drives_into_anybody(name):
    scenario = load_scenario(name)
    world = build_world(scenario, scenario.config.seed)
    size = np.array([(4.6, 1.9, 1.5), *(actor.size for actor in world.actors)])
    movers = [0, *(i + 1 for i, actor in enumerate(world.actors) if actor.moves)]
    for time in np.arange(0.0, scenario.config.duration, 0.25):
        now, ego = world.at(float(time)), world.ego.at(time)
        centre = np.vstack([[ego.x[0], ego.y[0]], now.poses[:, :2, 3]])
        yaw = np.append(ego.yaw, now.yaw)
        for i in movers:
            for j in np.flatnonzero(np.hypot(*(centre - centre[i]).T) < 11.0):
                if i != j:
                    shared = iou_bev(centre[i], size[i], float(yaw[i]), centre[j], size[j], float(yaw[j]))
                    assert shared == 0.0, f"actors {i} and {j} at {time} s"
