"""Clouds of any layout: what was written comes back, and what cannot be read is named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception_core.errors import CloudError
from perception_core.lidar import decoding
from perception_core.lidar.decoding import CloudField, CloudLayout, decode_cloud

NUMBERS = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}
STAMP = 1_700_000_000_123_456_789


def layout_of(dtype: np.dtype, width: int, height: int = 1, row_padding: int = 0, big: bool = False) -> CloudLayout:
    fields = tuple(
        CloudField(name, dtype.fields[name][1], NUMBERS[dtype.fields[name][0].str[1:]]) for name in dtype.names
    )
    return CloudLayout(width, height, dtype.itemsize, width * dtype.itemsize + row_padding, big, fields)


def packed(names: list[str], formats: list[str], offsets: list[int], itemsize: int) -> np.dtype:
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": itemsize})


XYZ = packed(["x", "y", "z"], ["<f4"] * 3, [0, 4, 8], 12)
ABS = STAMP / 1e9

DRIVERS = {
    "velodyne": (
        packed(["x", "y", "z", "intensity", "ring", "time"], ["<f4"] * 4 + ["<u2", "<f4"], [0, 4, 8, 12, 16, 18], 22),
        [-0.1, -0.05, 0.0],
        [-100_000_000, -50_000_000, 0],
    ),
    "ouster": (
        packed(
            ["x", "y", "z", "intensity", "t", "reflectivity", "ring", "ambient", "range"],
            ["<f4"] * 4 + ["<u4", "<u2", "<u2", "<u2", "<u4"],
            [0, 4, 8, 16, 20, 24, 26, 28, 32],
            48,
        ),
        [0, 50_000_000, 99_999_999],
        [0, 50_000_000, 99_999_999],
    ),
    "hesai": (
        packed(
            ["x", "y", "z", "intensity", "ring", "timestamp"], ["<f4"] * 4 + ["<u2", "<f8"], [0, 4, 8, 12, 16, 18], 26
        ),
        [ABS, ABS + 0.05, ABS + 0.1],
        [0, 50_000_000, 100_000_000],
    ),
    "robosense": (
        packed(
            ["x", "y", "z", "intensity", "ring", "timestamp"], ["<f4"] * 4 + ["<u2", "<f8"], [0, 4, 8, 12, 16, 18], 26
        ),
        [ABS - 0.1, ABS - 0.05, ABS],
        [-100_000_000, -50_000_000, 0],
    ),
    "ouster_old": (
        packed(
            ["x", "y", "z", "intensity", "t", "reflectivity", "ring", "ambient", "range"],
            ["<f4"] * 4 + ["<u4", "<u2", "u1", "<u2", "<u4"],
            [0, 4, 8, 16, 20, 24, 26, 28, 32],
            48,
        ),
        [0, 50_000_000, 99_999_999],
        [0, 50_000_000, 99_999_999],
    ),
    "livox": (
        packed(
            ["x", "y", "z", "intensity", "tag", "line", "timestamp"],
            ["<f4"] * 4 + ["u1", "u1", "<f8"],
            [0, 4, 8, 12, 16, 17, 18],
            26,
        ),
        [float(STAMP), float(STAMP + 50_000_000), float(STAMP + 100_000_000)],
        [0, 50_000_000, 100_000_000],
    ),
    "nebula": (
        packed(
            ["x", "y", "z", "intensity", "return_type", "channel", "azimuth", "elevation", "distance", "time_stamp"],
            ["<f4"] * 3 + ["u1", "u1", "<u2"] + ["<f4"] * 3 + ["<u4"],
            [0, 4, 8, 12, 13, 14, 16, 20, 24, 28],
            32,
        ),
        [0, 50_000_000, 100_000_000],
        [0, 50_000_000, 100_000_000],
    ),
}
TIME = {
    "velodyne": "time",
    "ouster": "t",
    "ouster_old": "t",
    "hesai": "timestamp",
    "robosense": "timestamp",
    "livox": "timestamp",
    "nebula": "time_stamp",
}
RING = {driver: {"livox": "line", "nebula": "channel"}.get(driver, "ring") for driver in DRIVERS}


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_drivers_layout_gives_coordinates_ring_intensity_and_times(driver: str) -> None:
    dtype, times, expected_ns = DRIVERS[driver]
    points = np.zeros(3, dtype)
    points["x"], points["y"], points["z"] = [1, 2, 3], [4, 5, 6], [7, 8, 9]
    points["intensity"] = [10, 20, 30]
    points[RING[driver]] = [0, 5, 63]
    points[TIME[driver]] = times

    out = decode_cloud(points.tobytes(), layout_of(dtype, 3), STAMP, "lidar")

    np.testing.assert_array_equal(out.cloud.xyz, [[1, 4, 7], [2, 5, 8], [3, 6, 9]])
    np.testing.assert_array_equal(out.cloud.intensity, [10, 20, 30])
    np.testing.assert_array_equal(out.cloud.ring, [0, 5, 63])
    assert out.has_time
    np.testing.assert_allclose(out.cloud.time_offset_ns, expected_ns, atol=300)  # float64 of 1e18 ns: 256 ns apart
    assert (out.warning, out.dropped_non_finite, out.dropped_far) == ("", 0, 0)
    assert (out.cloud.stamp_ns, out.cloud.frame) == (STAMP, "lidar")


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("big", [False, True])
def test_an_organised_cloud_of_a_driver_with_holes_keeps_each_points_own_values(driver: str, big: bool) -> None:
    """16 lasers by 40 columns, padded rows, a third of the points NaN (Velodyne's, Ouster's and Hesai's way)."""
    dtype, times, _ = DRIVERS[driver]
    points = np.zeros((16, 40), dtype)
    x = np.arange(640, dtype=np.float32).reshape(16, 40)
    points["x"], points["y"], points["z"] = x, -x, 1.0
    points["intensity"] = np.arange(640).reshape(16, 40) % 200
    points[RING[driver]] = np.arange(16)[:, None]
    points[TIME[driver]] = np.linspace(float(times[0]), float(times[-1]), 40)[None]
    hole = np.arange(640).reshape(16, 40) % 3 == 1
    points["z"][hole] = np.nan
    swapped = points.astype(dtype.newbyteorder(">")) if big else points
    rows = b"".join(row.tobytes() + bytes(5) for row in swapped)

    out = decode_cloud(rows, layout_of(dtype, 40, 16, 5, big), STAMP, "lidar")

    np.testing.assert_array_equal(out.cloud.xyz[:, 0], x[~hole])
    np.testing.assert_array_equal(out.cloud.ring, np.repeat(np.arange(16), 40).reshape(16, 40)[~hole])
    np.testing.assert_array_equal(out.cloud.intensity, (np.arange(640).reshape(16, 40) % 200)[~hole])
    assert out.cloud.time_offset_ns is not None
    column = np.repeat(np.arange(40)[None], 16, axis=0)[~hole]
    steps = np.polyfit(column, out.cloud.time_offset_ns, 1)[0]
    assert steps == pytest.approx(100_000_000 / 39, rel=1e-3)
    assert out.dropped_non_finite == hole.sum()


def test_one_point_and_none_of_a_driver() -> None:
    for driver, (dtype, _, _) in DRIVERS.items():
        one = np.ones(1, dtype)
        assert len(decode_cloud(one.tobytes(), layout_of(dtype, 1), STAMP, "f").cloud) == 1, driver
        assert len(decode_cloud(b"", layout_of(dtype, 0), STAMP, "f").cloud) == 0, driver


def test_nothing_of_the_buffer_is_written_to() -> None:
    dtype = DRIVERS["hesai"][0]
    data = bytearray(np.ones(4, dtype).tobytes())
    before = bytes(data)
    decode_cloud(data, layout_of(dtype, 4), STAMP, "f")
    assert bytes(data) == before


def test_robosense_without_ring_and_time_says_nothing_wrong() -> None:
    dtype = packed(["x", "y", "z", "intensity"], ["<f4"] * 4, [0, 4, 8, 12], 16)
    out = decode_cloud(np.ones(2, dtype).tobytes(), layout_of(dtype, 2), 0, "f")
    assert (out.cloud.ring, out.cloud.time_offset_ns, out.has_time, out.warning) == (None, None, False, "")


@st.composite
def layouts(draw: st.DrawFn) -> tuple[np.dtype, int, int, int]:
    """Fields in any order with gaps, coordinates of either width, either byte order, padded rows."""
    order = draw(st.sampled_from(["<", ">"]))
    names = draw(st.permutations(["x", "y", "z", "intensity", "ring", "other"]))
    offset, offsets, formats = 0, [], []
    for name in names:
        kinds = {"x": ["f4", "f8"], "y": ["f4", "f8"], "z": ["f4", "f8"], "ring": ["u1", "u2", "u4", "i4"]}
        kind = draw(st.sampled_from(kinds.get(name, list(NUMBERS))))
        offset += draw(st.integers(0, 5))
        offsets.append(offset)
        formats.append(order + kind)
        offset += np.dtype(kind).itemsize
    dtype = packed(list(names), formats, offsets, offset + draw(st.integers(0, 9)))
    return dtype, draw(st.integers(0, 7)), draw(st.integers(0, 3)), draw(st.integers(0, 11))


@settings(deadline=None, max_examples=150)
@given(layouts(), st.integers(0, 2**31))
def test_any_layout_round_trips(made: tuple[np.dtype, int, int, int], seed: int) -> None:
    dtype, width, height, row_padding = made
    rng = np.random.default_rng(seed)
    points = np.zeros((height, width), dtype)
    xyz = rng.uniform(-90, 90, (height, width, 3)).astype(np.float32)
    for axis, name in enumerate("xyz"):
        points[name] = xyz[..., axis]
    points["ring"] = rng.integers(0, 128, (height, width))
    points["intensity"] = rng.integers(0, 100, (height, width))
    rows = b"".join(row.tobytes() + bytes(row_padding) for row in points)
    big = dtype.fields["x"][0].str[0] == ">"

    out = decode_cloud(rows, layout_of(dtype, width, height, row_padding, big), 5, "f")

    np.testing.assert_array_equal(out.cloud.xyz, xyz.reshape(-1, 3))
    np.testing.assert_array_equal(out.cloud.ring, points["ring"].ravel())
    np.testing.assert_array_equal(out.cloud.intensity, points["intensity"].ravel())


def test_points_that_are_not_finite_or_absurdly_far_are_dropped_and_counted_apart() -> None:
    dtype = packed(["x", "y", "z", "ring"], ["<f8"] * 3 + ["<u2"], [0, 8, 16, 24], 26)
    points = np.zeros(6, dtype)
    points["x"] = [1, np.nan, np.inf, 1e9, 1e300, 2]
    points["ring"] = [0, 1, 2, 3, 4, 5]
    out = decode_cloud(points.tobytes(), layout_of(dtype, 6), 0, "f")
    np.testing.assert_array_equal(out.cloud.xyz[:, 0], [1, 2])
    np.testing.assert_array_equal(out.cloud.ring, [0, 5])
    assert (out.dropped_non_finite, out.dropped_far) == (2, 2)


def test_an_organised_cloud_that_is_all_nan_is_empty() -> None:
    points = np.full((4, 8, 3), np.nan, np.float32)
    out = decode_cloud(points.tobytes(), layout_of(XYZ, 8, 4), 0, "f")
    assert (len(out.cloud), out.dropped_non_finite) == (0, 32)


def test_no_points_are_no_error() -> None:
    assert len(decode_cloud(b"", layout_of(XYZ, 0), 0, "f").cloud) == 0


def test_a_ring_that_is_no_laser_index_is_left_out_with_a_warning() -> None:
    dtype = packed(["x", "y", "z", "ring"], ["<f4"] * 4, [0, 4, 8, 12], 16)
    points = np.ones(2, dtype)
    points["ring"] = [3, -7]
    out = decode_cloud(points.tobytes(), layout_of(dtype, 2), 0, "f")
    assert out.cloud.ring is None
    assert "-7" in out.warning


F = CloudField
GOOD = (F("x", 0, 7), F("y", 4, 7), F("z", 8, 7))


@pytest.mark.parametrize(
    ("layout", "size", "names"),
    [
        (CloudLayout(2, 1, 12, 24, False, GOOD), 23, ["24", "23"]),
        (CloudLayout(2, 1, 12, 24, False, GOOD), 36, ["24", "36"]),
        (CloudLayout(3, 1, 12, 24, False, GOOD), 24, ["row_step", "24", "36"]),
        (CloudLayout(0, 1, 12, 0, False, GOOD), 12, ["0", "12"]),
        (CloudLayout(1, 1, 12, 12, False, GOOD[:2]), 12, ["no z", "x, y"]),
        (CloudLayout(1, 1, 12, 12, False, ()), 12, ["no x", "none"]),
        (CloudLayout(1, 1, 12, 12, False, (F("x", 0, 5), *GOOD[1:])), 12, ["field x", "5"]),
        (CloudLayout(1, 1, 12, 12, False, (*GOOD[:2], F("z", 9, 7))), 12, ["field z", "13", "12"]),
        (CloudLayout(1, 1, 12, 12, False, (*GOOD[:2], F("z", -4, 7))), 12, ["field z", "-4"]),
        (CloudLayout(1, 1, 12, 12, False, (*GOOD[:2], F("z", 8, 7, 2))), 12, ["field z", "count 2"]),
        (CloudLayout(1, 1, 12, 12, False, (*GOOD, F("x", 8, 7))), 12, ["x appears twice"]),
        (CloudLayout(1, 1, 14, 14, False, (*GOOD, F("ring", 12, 9))), 14, ["field ring", "9"]),
        (CloudLayout(-1, 1, 12, 12, False, GOOD), 12, ["width", "-1"]),
        (CloudLayout(1, 1, 0, 0, False, GOOD), 0, ["field x", "point_step 0"]),
    ],
)
def test_what_cannot_be_read_is_named_with_its_values(layout: CloudLayout, size: int, names: list[str]) -> None:
    with pytest.raises(CloudError) as error:
        decode_cloud(bytes(size), layout, 0, "f")
    for name in names:
        assert name in str(error.value)


@settings(deadline=None, max_examples=200)
@given(
    st.builds(
        CloudLayout,
        st.integers(-1, 5),
        st.integers(-1, 3),
        st.integers(-1, 20),
        st.integers(-1, 90),
        st.booleans(),
        st.lists(
            st.builds(
                CloudField,
                st.sampled_from(["x", "y", "z", "ring", "time", "intensity"]),
                st.integers(-3, 30),
                st.integers(-1, 10),
                st.integers(0, 3),
            ),
            max_size=7,
        ).map(tuple),
    ),
    st.binary(max_size=200),
)
def test_garbage_is_a_cloud_error_or_a_finite_cloud(layout: CloudLayout, data: bytes) -> None:
    try:
        out = decode_cloud(data, layout, STAMP, "f")
    except CloudError:
        return
    assert np.isfinite(out.cloud.xyz).all()
    assert len(out.cloud) + out.dropped_non_finite + out.dropped_far == layout.width * layout.height


def test_every_kind_of_buffer_is_read() -> None:
    data = np.ones((2, 3), np.float32)
    for buffer in (data.tobytes(), bytearray(data.tobytes()), memoryview(data.tobytes()), data.view(np.uint8).ravel()):
        assert len(decode_cloud(buffer, layout_of(XYZ, 2), 0, "f").cloud) == 2
    with pytest.raises(CloudError, match="str"):
        decode_cloud("abc", layout_of(XYZ, 2), 0, "f")


@pytest.mark.parametrize(
    ("offsets", "types", "step", "big_endian"),
    [
        ((0, 4, 8), (7, 7, 7), 16, False),
        ((1, 5, 9), (7, 7, 7), 14, False),
        ((0, 5, 9), (7, 7, 7), 16, False),
        ((0, 4, 8), (7, 7, 7), 16, True),
        ((0, 8, 16), (8, 7, 8), 24, False),
        ((0, 8, 18), (8, 8, 8), 27, False),
    ],
    ids=["aligned", "unaligned", "mixed alignment", "big-endian", "mixed types", "float64 of mixed alignment"],
)
def test_nothing_compiles_after_the_warm_up_wherever_the_coordinates_lie(offsets, types, step, big_endian):
    decoding.warm_up()
    compiled = len(decoding._gather.signatures)
    fields = tuple(CloudField(axis, at, kind) for axis, at, kind in zip("xyz", offsets, types, strict=True))
    layout = CloudLayout(5, 2, step, 5 * step, big_endian, fields)
    assert len(decoding.decode_cloud(bytes(10 * step), layout, 0, "lidar").cloud) == 10
    assert len(decoding._gather.signatures) == compiled
