"""Tracklets of raw drives, written here by hand."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception_core.datasets.kitti_tracklets import parse_tracklets, read_tracklets
from perception_core.errors import DatasetError
from perception_core.types.classes import CAR, INDEX, PERSON

POSE = "<item><tx>{}</tx><ty>2.0</ty><tz>-1.7</tz><rx>0.0</rx><ry>0.0</ry><rz>{}</rz><state>2</state></item>"
ITEM = (
    "<item class_id='1'><objectType>{kind}</objectType><h>1.5</h><w>1.6</w><l>4.0</l><first_frame>{first}</first_frame>"
    "<poses><count>2</count><item_version>2</item_version>{poses}</poses><finished>1</finished></item>"
)
FILE = (
    "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n<!DOCTYPE boost_serialization>\n"
    "<boost_serialization version='9'><tracklets><count>2</count><item_version>1</item_version>{}</tracklets>"
    "</boost_serialization>"
)


def item(kind="Car", first=3, poses=((10.0, 0.1), (11.0, 0.2))):
    return ITEM.format(kind=kind, first=first, poses="".join(POSE.format(*pose) for pose in poses))


def test_by_hand(tmp_path):
    path = tmp_path / "tracklet_labels.xml"
    path.write_text(FILE.format(item() + item("Person (sitting)", 0, [(5.0, 0.0)])))
    car, person = read_tracklets(path)
    assert (car.kind, car.class_id, car.first_frame) == ("Car", INDEX[CAR], 3)
    assert car.size.tolist() == [4.0, 1.6, 1.5]
    assert car.centre == pytest.approx(np.array([[10.0, 2.0, -0.95], [11.0, 2.0, -0.95]]))
    assert car.yaw.tolist() == [0.1, 0.2]
    assert (person.class_id, len(person.yaw)) == (INDEX[PERSON], 1)


def test_none_and_without_poses():
    assert parse_tracklets(FILE.format("")) == ()
    (empty,) = parse_tracklets(FILE.format(item(poses=[])))
    assert (empty.centre.shape, empty.yaw.shape) == ((0, 3), (0,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no XML"),
        ("<boost_serialization/>", "no <tracklets>"),
        (FILE.format(item(kind="Rocket")), "tracklet 0: unknown type 'Rocket'"),
        (FILE.format(item(first=-1)), "first_frame -1.0"),
        (FILE.format(item().replace("<h>1.5</h>", "")), "tracklet 0: h is missing"),
        (FILE.format(item().replace("<h>1.5</h>", "<h>tall</h>")), "h 'tall' is no number"),
        (FILE.format(item().replace("<h>1.5</h>", "<h>nan</h>")), "h is nan"),
        (FILE.format(item().replace("<h>1.5</h>", "<h>-1.5</h>")), "tracklet 0: h is -1.5, expected more than 0"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><x/>", "entities"),
    ],
)
def test_malformed(text, message):
    with pytest.raises(DatasetError, match=message):
        parse_tracklets(text)


def test_a_missing_file(tmp_path):
    with pytest.raises(DatasetError, match="cannot read the tracklets"):
        read_tracklets(tmp_path / "none.xml")


@settings(deadline=None)
@given(text=st.one_of(st.text(), st.text(alphabet="<>/abiItemtracklets0123. ").map(FILE.format)))
def test_any_text_is_tracklets_or_a_dataset_error(text):
    found = ()
    with contextlib.suppress(DatasetError):
        found = parse_tracklets(text)
    assert all(t.centre.shape == (len(t.yaw), 3) for t in found)


@settings(deadline=None)
@given(
    first=st.integers(0, 10_000),
    poses=st.lists(st.tuples(st.floats(-200, 200), st.floats(-4, 4)), max_size=5),
)
def test_what_is_written_is_read(first, poses):
    (found,) = parse_tracklets(FILE.format(item("Van", first, poses)))
    assert found.first_frame == first
    assert found.centre[:, 0].tolist() == [x for x, _ in poses]
    assert found.yaw.tolist() == [yaw for _, yaw in poses]
