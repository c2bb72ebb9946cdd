"""Scenarios as data: what is read, what is refused, and what is set to another value."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perception_core.errors import ConfigError
from perception_core.simulation.scenario import (
    MAIN_CAMERA,
    MAIN_LIDAR,
    load_scenario,
    parse_scenario,
    scenario_names,
    with_overrides,
)


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
        (
            {"lidar": {"elevations": [[-15, 15, 100_000]]}},
            r"x\.lidar\.elevations: 100000 beams, expected at most 1024",
        ),
        (
            {"lidar": {"elevations": [[-15, 0, 600], [1, 15, 425]]}},
            r"x\.lidar\.elevations: 1025 beams, expected at most 1024",
        ),
        (
            {"lidars": {"rear": {"elevations": [[-15, 15, 1000]], "columns": 2001}}},
            r"x\.lidars\.rear: 1000 beams x 2001 columns are 2001000 rays a sweep, expected at most 2000000",
        ),
        ({"lidar": {"elevations": [-91, 15, 16]}}, r"x\.lidar\.elevations: .* from -90 to 90 deg"),
        ({"lidar": {"position": [0, 1]}}, r"x\.lidar\.position: .* expected 3 numbers"),
        ({"lidars": [1]}, r"x\.lidars: expected a mapping of mappings"),
        ({"lidars": {"top": {}}}, r"x\.lidars\.top: the name of the LiDAR under `lidar`"),
        ({"lidars": {"rear": {"beams": 1}}}, r"x\.lidars\.rear\.beams: unknown parameter"),
        ({"lidars": {"rear": {"position": [1]}}}, r"x\.lidars\.rear\.position: .* expected 3 numbers"),
        ({"lidars": {"rear": {"rate": 20.0}}}, r"x\.lidars\.rear\.rate: 20.0 is more than 10.0 of lidar.rate"),
        ({"street": {"elevation": [0, 1, 2]}}, r"x\.street\.elevation: .* groups of 2"),
        ({"street": {"hanging": [0, 1, 2]}}, r"x\.street\.hanging: .* groups of 5"),
        ({"cameras": [1]}, r"x\.cameras: expected a mapping of mappings"),
        ({"cameras": {"front": {}}}, r"x\.cameras\.front: the name of the camera under `camera`"),
        ({"cameras": {"rear": {"zoom": 1}}}, r"x\.cameras\.rear\.zoom: unknown parameter"),
        ({"cameras": {"rear": {"centre": [1]}}}, r"x\.cameras\.rear\.centre: .* expected 2 numbers"),
        ({"traffic": {"count": 3}}, r"x\.traffic: expected a list"),
        ({"traffic": [{"count": -1}]}, r"x\.traffic\[0\]\.count: -1 is out of range"),
        ({"traffic": [{"models": ["tank"]}]}, r"x\.traffic\[0\]\.models\[0\]: 'tank' is none of"),
        ({"traffic": [{"s": [1, 2, 3]}]}, r"x\.traffic\[0\]\.s: .* expected 2 numbers"),
        ({"traffic": [{"to_s": [1, 2]}]}, r"x\.traffic\[0\]\.to_d: .* expected 2 numbers"),
        ({"ego": {"tilt": [0, 1]}}, r"x\.ego\.tilt: .* groups of 3"),
        ({"ego": {"altitude": [1]}}, r"x\.ego\.altitude: .* groups of 2"),
        ({"disturbances": {"camera_lost": 2}}, r"x\.disturbances\.camera_lost: 2.* out of range"),
        ({"disturbances": {"camera_dead": [1]}}, r"x\.disturbances\.camera_dead: .* expected 2 numbers"),
        ({"cameras": {"left": {"frame": "camera_front"}}}, r"left\.frame: 'camera_front' is that of camera"),
        ({"lidars": {"rear": {"frame": "base_link"}}}, r"x\.lidars\.rear\.frame: 'base_link' is that of the robot"),
        ({"disturbances": {"lidar_dead": [5, 3]}}, r"x\.disturbances\.lidar_dead: \[5.0, 3.0\]: expected from, to"),
        ({"disturbances": {"lidar_turn": [1]}}, r"x\.disturbances\.lidar_turn: .* expected 3 numbers"),
        ({"disturbances": {"lidars": ["rear"]}}, r"x\.disturbances\.lidars: 'rear' is none of top"),
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


def test_every_sensor_has_a_name():
    scenario = parse_scenario("x", {"lidars": {"rear": {}}, "cameras": {"left": {"rate": 30.0}}})
    assert list(scenario.all_lidars) == [MAIN_LIDAR, "rear"]
    assert list(scenario.all_cameras) == [MAIN_CAMERA, "left"]
    assert scenario.all_cameras["left"].frame == "camera_left"
    assert scenario.all_cameras["left"].rate == 30.0


def test_overrides_change_what_they_name_and_nothing_else():
    before = load_scenario("yard")
    after = with_overrides(
        before,
        {
            "disturbances.camera_delay": 0.2,
            "lidars.rear.rate": 2.0,
            "lidar.elevations": [[-10, 10, 4]],
            "actors.2.path": [[50, 2.6], [-30, 2.6]],
            "cameras.left": {"yaw": 90.0},
            "camera": {"width": 320, "height": 200},
        },
    )
    assert after.config.disturbances.camera_delay == 0.2
    assert after.all_lidars["rear"].rate == 2.0
    assert after.all_lidars["front"] == before.all_lidars["front"]
    assert after.config.lidar.elevations == (-10.0, 10.0, 4.0)
    assert after.actors[2].path == (50.0, 2.6, -30.0, 2.6)
    assert after.actors[2].speed == before.actors[2].speed
    assert after.all_cameras["left"].yaw == 90.0
    assert (after.config.camera.width, after.config.camera.height) == (320, 200)
    assert after.config.camera.position == before.config.camera.position
    assert after.config.street == before.config.street
    assert before.config.disturbances.camera_delay == 0.0


def test_a_whole_list_may_be_set_and_then_an_entry_of_it():
    after = with_overrides(load_scenario("tiny"), {"actors": [{"model": "bus"}], "actors.0.heading": 90.0})
    assert [(actor.model, actor.heading) for actor in after.actors] == [("bus", 90.0)]


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_set_to_its_own_values_is_the_same(name):
    scenario = load_scenario(name)
    assert with_overrides(scenario, {"seed": scenario.config.seed}) == scenario
    assert with_overrides(scenario, {}) is scenario
    assert load_scenario(name, {"seed": scenario.config.seed}) == scenario


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("disturbances.camera_dely", 0.2, r"yard\.disturbances\.camera_dely: unknown parameter \(value 0\.2\)"),
        ("disturbances.camera_delay", -1, r"yard\.disturbances\.camera_delay: -1.* out of range"),
        ("camra.width", 100, r"yard\.camra: unknown parameter"),
        ("camera", 3, r"yard\.camera"),
        ("lidars.rear.beams", 3, r"yard\.lidars\.rear\.beams: unknown parameter"),
        ("lidars.rear", 3, r"yard\.lidars\.rear: expected a mapping, got 3"),
        ("lidars.top.rate", 3, r"yard\.lidars\.top: the name of the LiDAR under `lidar`"),
        ("actors.9.model", "bus", r"yard\.actors\.9\.model: expected actors\.N\.KEY with N below 6"),
        ("actors.x.model", "bus", r"yard\.actors\.x\.model: expected actors\.N\.KEY"),
        ("lidars", None, r"yard\.lidars: expected a mapping of mappings, got None"),
        ("lidars", {"rear": 3}, r"yard\.lidars\.rear: expected a mapping, got 3"),
        ("actors", [1], r"yard\.actors: expected a list of mappings"),
        ("actors.1", "bus", r"yard\.actors\.1: expected actors\.N\.KEY"),
        ("actors.1.model", "tank", r"yard\.actors\[1\]\.model: 'tank' is none of"),
    ],
)
def test_overrides_of_what_is_not_there_are_refused_by_name(key, value, message):
    with pytest.raises(ConfigError, match=message) as caught:
        with_overrides(load_scenario("yard"), {key: value})
    assert "\n" not in str(caught.value)


def test_an_unknown_key_is_answered_with_all_that_a_scenario_has():
    with pytest.raises(ConfigError, match=r"any\.nonsense: unknown parameter") as caught:
        parse_scenario("any", {"nonsense": 3})
    known = str(caught.value).partition("known here: ")[2].split(", ")
    assert {"actors", "traffic", "cameras", "lidars", "camera", "lidar", "duration"} <= set(known)
    assert known == sorted(known)
    with pytest.raises(ConfigError, match=r"any\.lidar\.beams: .* known here: columns, ") as caught:
        parse_scenario("any", {"lidar": {"beams": 3}})
    assert "actors" not in str(caught.value)


def test_files_are_read_and_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"duration": 3.0}))
    assert load_scenario(path).config.duration == 3.0
    assert load_scenario(path).name == "mine"
    path.write_text("duration: 3.0\nlidar: {rate: 5}\nlidar: {rate: 10}\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml: not YAML \(repeated key 'lidar'.* line 3, column 1"):
        load_scenario(path)
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
                st.sampled_from(
                    [
                        "seed",
                        "street",
                        "actors",
                        "path",
                        "lidar",
                        "lidars",
                        "elevations",
                        "ego",
                        "traffic",
                        "cameras",
                        "disturbances",
                        "s",
                    ]
                ),
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


@given(
    st.dictionaries(
        st.lists(
            st.sampled_from(["lidar", "lidars", "rear", "actors", "0", "7", "rate", "seed", "camera", "", "path"]),
            min_size=1,
            max_size=4,
        ).map(".".join),
        st.none() | st.integers(-3, 30) | st.text(max_size=3) | st.dictionaries(st.just("rate"), st.just(5.0)),
        max_size=3,
    )
)
def test_any_overrides_are_taken_or_refused(overrides):
    scenario = load_scenario("tiny")
    try:
        changed = with_overrides(scenario, overrides)
    except ConfigError:
        return
    assert changed.name == "tiny"
