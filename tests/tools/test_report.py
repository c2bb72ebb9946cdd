"""The report and its pictures."""

import cv2
import pytest

from perception_nodes.bag_reader import BagReader
from perception_tools.pictures.charts import draw_histogram
from perception_tools.profile import load_profile
from perception_tools.replay import replay
from perception_tools.report import obstacle_rows, write_report
from perception_tools.scene import moments, read_obstacles


@pytest.fixture(scope="module")
def results(tiny_bag, tmp_path_factory):
    path = tmp_path_factory.mktemp("results") / "out.mcap"
    replay(tiny_bag, load_profile("demo"), path)
    return path


def test_the_page_stands_alone_with_its_pictures(tiny_bag, results, tmp_path):
    summary = {"title": "A <drive>", "scans_in": 10, "modes": {"FUSED": 3}, "notes": ["a & b"]}
    demo, times = load_profile("demo"), {"all": [1.0, 2.0]}
    report = write_report(tmp_path / "report", tiny_bag, results, demo, summary, times, 100.0)
    page = report.path
    text = page.read_text()
    assert "A &lt;drive&gt;" in text
    assert "a &amp; b" in text
    assert text.count('src="data:image/') == 11  # five moments of two pictures, and the times
    assert "://" not in text
    assert any(row["motion"] == "moving" for row in report.obstacles), report.obstacles
    for name in ("bird_eye_0", "camera_0", "latency"):
        assert cv2.imread(str(page.parent / f"{name}.png")).std() > 5.0


def test_moments_are_spread_over_the_drive(tiny_bag, results):
    with BagReader(results) as bag:
        arrays = read_obstacles(bag)
    shown = moments(tiny_bag, arrays, results, load_profile("demo"), 3)
    index = [[a.stamp_ns for a in arrays].index(m.stamp_ns) for m in shown]
    assert index == [2, 4, 7]
    assert all(m.view is not None and m.truth is not None and len(m.points) > 1000 for m in shown)


def test_no_arrays_no_moments_and_still_a_page(tiny_bag, results, tmp_path):
    assert moments(tiny_bag, [], results, load_profile("demo"), 3) == []
    assert obstacle_rows([]) == []
    assert draw_histogram({"nothing": []}, tmp_path / "empty.png", "nothing").is_file()
