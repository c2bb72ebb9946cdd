"""Who is where: what the seed changes, what it leaves, and that nobody is placed in anybody's way."""

import numpy as np
import pytest

from perception_core.errors import ConfigError
from perception_core.geometry.boxes import iou_bev
from perception_core.simulation.scenario import load_scenario, parse_scenario, scenario_names
from perception_core.simulation.scenario_config import CARS
from perception_core.simulation.staging import stage
from perception_core.simulation.wardrobe import model_size

EGO_SIZE = (4.6, 1.9, 1.6)
PLAIN = {"street": {"centreline": [[0, 0], [200, 0]], "parked_fraction": 0.0}, "duration": 6.0}


def places(name: str, seed: int) -> list[tuple[str, float, float, float]]:
    staged = stage(load_scenario(name), seed)
    found = []
    for role in staged.roles:
        motion = role.trajectory.at([3.0])
        found.append((role.entry.model, float(motion.x[0]), float(motion.y[0]), float(motion.yaw[0])))
    return found


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("name", scenario_names())
def test_nobody_drives_into_anybody(name, seed):
    scenario = load_scenario(name)
    staged = stage(scenario, scenario.config.seed if seed is None else seed)
    times = np.arange(0.0, scenario.config.duration, 0.25)
    size = np.array([EGO_SIZE, *(model_size(role.entry.model) for role in staged.roles)])
    motions = [staged.ego.at(times), *(role.trajectory.at(times) for role in staged.roles)]
    x, y, z, yaw = (np.array([getattr(m, column) for m in motions]) for column in ("x", "y", "z", "yaw"))
    movers = [0, *(i + 1 for i, role in enumerate(staged.roles) if role.moves)]
    reach = np.hypot(size[:, 0], size[:, 1]) / 2.0
    for i in movers:
        near = np.hypot(x - x[i], y - y[i]) < (reach + reach[i])[:, None]
        near &= (z < z[i] + size[i, 2]) & (z[i] < z + size[:, 2:])
        near[i] = False
        for j, k in zip(*np.nonzero(near), strict=True):
            a, b = ((np.array([x[n, k], y[n, k]]), size[n], float(yaw[n, k])) for n in (i, j))
            assert iou_bev(*a, *b) == 0.0, f"{name}: actors {i} and {j} at {times[k]} s"


@pytest.mark.parametrize("name", ["crowd", "highway", "van_pedestrian"])
def test_the_same_seed_places_the_same_traffic_and_another_seed_another(name):
    assert places(name, 4) == places(name, 4)
    assert places(name, 4) != places(name, 5)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_car_of_any_model_gets_one(seed):
    actor = {"model": "car", "path": [[20, 1.75]], "speed": [[0, 0]]}
    roles = stage(parse_scenario("x", {**PLAIN, "actors": [actor]}), seed).roles
    assert [role.entry.model in CARS for role in roles] == [True]


def test_what_varies_stays_within_what_is_written():
    actor = {"path": [[50, 5], [150, 5]], "speed": [[0, 10]], "vary_way": 4.0, "vary_side": 0.5, "vary_speed": 0.2}
    scenario = parse_scenario("x", {**PLAIN, "actors": [actor]})
    starts = [stage(scenario, seed).roles[0].trajectory.at([0.0]) for seed in range(12)]
    x, y, speed = (np.array([getattr(start, name)[0] for start in starts]) for name in ("x", "y", "speed"))
    assert (np.abs(x - 50.0) <= 4.0).all()
    assert (np.abs(y - 5.0) <= 0.5).all()
    assert (np.abs(speed - 10.0) <= 2.0).all()
    assert np.ptp(x) > 2.0
    assert np.ptp(speed) > 1.0


@pytest.mark.parametrize("name", [name for name in scenario_names() if name not in ("tiny", "city")])
def test_whoever_may_vary_does_with_some_seed(name):
    scenario = load_scenario(name)
    drives = [stage(scenario, seed).roles for seed in (1, 2, 3)]
    for i, entry in enumerate(scenario.actors):
        if entry.vary_way or entry.vary_speed or entry.vary_side:
            assert len({(roles[i].entry.path, roles[i].entry.speed) for roles in drives}) > 1, f"actor {i}"


def test_who_does_not_vary_stays():
    fixed = {"path": [[50, 5], [150, 5]], "speed": [[0, 10]]}
    varied = {"path": [[50, -9], [150, -9]], "speed": [[0, 10]], "vary_way": 4.0}
    scenario = parse_scenario("x", {**PLAIN, "actors": [fixed, varied]})
    assert [stage(scenario, seed).roles[0].entry.path for seed in (1, 2)] == [(50.0, 5.0, 150.0, 5.0)] * 2


def test_a_variation_into_somebody_is_not_taken():
    # Cars of 4 m stand 6 m apart in a row and vary by 3 m: nobody gets nearer than 0.15 m.
    actors = [{"model": "hatchback", "path": [[20 + 6 * i, 5]], "vary_way": 3.0} for i in range(6)]
    for seed in range(5):
        roles = stage(parse_scenario("x", {**PLAIN, "actors": actors}), seed).roles
        x = np.array([role.trajectory.at([0.0]).x[0] for role in roles])
        assert np.diff(x).min() > model_size("hatchback")[0] + 0.15


def test_traffic_drives_on_the_right_at_its_speed():
    traffic = [{"count": 4, "lanes": [-1.75, 1.75], "s": [0, 200], "speed": [5, 8], "gap": 2.0}]
    roles = stage(parse_scenario("x", {**PLAIN, "traffic": traffic, "ego": {"path": [[0, -9.0]]}}), 1).roles
    assert len(roles) == 4
    for role in roles:
        motion = role.trajectory.at([1.0])
        assert 5.0 <= motion.speed[0] <= 8.0
        assert np.cos(motion.yaw[0]) == pytest.approx(1.0 if motion.y[0] < 0.0 else -1.0)


def test_traffic_may_change_lanes():
    street = {"centreline": [[0, 0], [200, 0]], "lanes": 3, "parked_fraction": 0.0}
    traffic = [{"count": 3, "lanes": [-1.75, -5.25, -8.75], "s": [0, 150], "speed": [20, 22], "changing": 1.0}]
    document = {"street": street, "duration": 8.0, "traffic": traffic, "ego": {"path": [[0, 9.0]]}}
    for role in stage(parse_scenario("x", document), 2).roles:
        y = role.trajectory.at(np.arange(0.0, 10.0, 0.1)).y
        assert {round(y[0], 2), round(y[-1], 2)} <= {-1.75, -5.25, -8.75}
        assert abs(y[-1] - y[0]) == pytest.approx(3.5, abs=0.01)


def test_walkers_walk_until_the_end():
    traffic = [{"count": 10, "models": ["pedestrian"], "s": [10, 40], "d": [-9, 0], "to_s": [10, 60], "to_d": [0, 9],
                "speed": [1, 1.5]}]  # fmt: skip
    for role in stage(parse_scenario("x", {**PLAIN, "traffic": traffic, "ego": {"path": [[100, 0.0]]}}), 1).roles:
        assert (role.trajectory.at([0.0, 3.0, 6.0]).speed > 0.9).all()


def test_too_much_traffic_is_refused_with_the_number_that_fits():
    traffic = [{"count": 50, "lanes": [-1.75], "s": [0, 60], "speed": [5, 5], "gap": 3.0}]
    with pytest.raises(ConfigError, match=r"x\.traffic\[0\]\.count: there is room for \d of 50 only"):
        stage(parse_scenario("x", {**PLAIN, "traffic": traffic}), 1)


def test_who_reverses_looks_back():
    actor = {"path": [[50, 0], [30, 0]], "speed": [[0, 2.0]], "reverse": True}
    (role,) = stage(parse_scenario("x", {**PLAIN, "actors": [actor]}), 1).roles
    motion = role.trajectory.at([3.0])
    assert motion.x[0] == pytest.approx(44.0)
    assert np.cos(motion.yaw[0]) == pytest.approx(1.0)
    assert motion.speed[0] == pytest.approx(-2.0)
