"""static_tf_node: a calibration that is right is latched, one that is not ends the process with one line."""

import subprocess
import sys
from pathlib import Path

import pytest
from running import latched_listener
from tf2_msgs.msg import TFMessage

DEMO = Path(__file__).resolve().parents[2] / "calibration" / "demo"
CODE = "import sys; from perception_nodes.static_tf_node import main; sys.exit(main())"

GOOD = """\
base_frame: base_link
transforms:
  - {parent: base_link, child: lidar_top, translation: [0, 0, 1.8], quaternion: [0, 0, 0, 1]}
"""


def command(folder):
    return [sys.executable, "-c", CODE, "--ros-args", "-p", f"calibration:={folder}"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (GOOD.replace("[0, 0, 0, 1]", "[0, 0, 0, 2]"), "norm 2"),
        (GOOD.replace("[0, 0, 1.8]", "[0, 0]"), "translation"),
        (GOOD.replace("child", "kid"), "child: missing key"),
        ("transforms: [", "not YAML"),
        (None, "cannot read the calibration file"),
    ],
)
def test_what_cannot_be_right_is_named_in_one_line(tmp_path, content, text):
    if content is not None:
        (tmp_path / "extrinsics.yaml").write_text(content)
    done = subprocess.run(command(tmp_path), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert text in done.stderr
    assert str(tmp_path / "extrinsics.yaml") in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_who_comes_later_gets_the_whole_tree(stack):
    process = subprocess.Popen(command(DEMO), stderr=subprocess.PIPE, text=True)
    try:
        assert "2 static transforms" in process.stderr.readline()
        latched_listener(stack, TFMessage, "/tf_static")
        (msg,) = stack.wait(lambda: stack.received["/tf_static"], "static transforms")
        assert [(t.header.frame_id, t.child_frame_id) for t in msg.transforms] == [
            ("base_link", "lidar_top"),
            ("base_link", "camera_front"),
        ]
    finally:
        process.terminate()
        assert process.wait(15) == 0
