"""The command line: exit status and what is printed where."""

import json
import subprocess
import sys
import time

import pytest

from perception_tools.cli import COMMANDS, main


def test_help_names_every_verb_and_is_quick():
    began = time.perf_counter()
    command = [sys.executable, "-m", "perception_tools.cli", "--help"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    took = time.perf_counter() - began
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in COMMANDS)
    assert took < 1.0  # 0.2 s on a machine that has nothing else to do


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["replay", "none.mcap", "--profile", "demo", "--output", "o.mcap"], "none.mcap: no such bag"),
        (["replay", "none.mcap", "--profile", "moon", "--output", "o.mcap"], "profile 'moon'"),
        (["convert", "kitti", "none", "o.mcap"], "none: no such folder"),
        (["simulate", "moon", "o.mcap"], "scenario 'moon'"),
        (["simulate", "tiny", "o.bag"], "must end in .mcap"),
        (["simulate", "tiny", "o.mcap", "--set", "lidar.beams=3"], "tiny.lidar.beams: unknown parameter (value 3)"),
        (["simulate", "tiny", "o.mcap", "--set", "lidar.columns"], "--set lidar.columns: expected KEY=VALUE"),
        (["simulate", "tiny", "o.mcap", "--set", "seed=[1"], "--set seed=[1: the value is no YAML"),
        (["simulate", "tiny", "o.mcap", "--set", "lidars={a: {}, a: {}}"], "the value is no YAML (repeated key 'a'"),
        (["simulate", "tiny", "o.mcap", "--set", "seed=2001-99-99"], "the value is no YAML"),
        (["simulate", "tiny", "o.mcap", "--set", 'traffic=!!int ""'], "the value is no YAML"),
        (["simulate", "tiny", "o.mcap", "--set", "lidar=&a {x: *a}"], "the value is no YAML ('a' holds itself"),
        (["doctor", "none.mcap"], "none.mcap: no such bag"),
        (["demo", "--drive", "none"], "none: no such folder"),
        (["demo", "--rate", "0"], "--rate: 0.0 is out of range"),
        (["demo", "--duration", "-3"], "--duration: -3.0 is out of range"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_status_2(words, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    assert text in captured.err


def test_simulate_replay_and_doctor_print_one_json_object(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("PERCEPTION_MODELS", raising=False)
    drive, out = str(tmp_path / "drive.mcap"), str(tmp_path / "out.mcap")
    assert main(["simulate", "tiny", drive, "--duration", "0.5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 5
    assert main(["replay", drive, "--profile", "demo", "--output", out, "--json"]) == 0
    replayed = json.loads(capsys.readouterr().out)
    assert (replayed["scans_in"], replayed["arrays_out"], replayed["drops"]) == (5, 5, {})
    assert main(["doctor", drive, "--profile", "demo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["errors"] == 0


def test_people_get_a_table(tiny_bag, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("PERCEPTION_MODELS", raising=False)
    assert main(["replay", str(tiny_bag), "--profile", "demo", "--output", str(tmp_path / "o.mcap")]) == 0
    out = capsys.readouterr().out
    assert "10 obstacle arrays from 10 scans and 10 images" in out
    assert "p50 ms" in out


def test_a_check_that_failed_is_status_1(drive, tmp_path, capsys):
    drive.drop("/tf")
    bag = str(drive.write(tmp_path / "a.mcap"))
    assert main(["doctor", bag, "--profile", "demo"]) == 1
    assert "ERROR   odom <- base_link" in capsys.readouterr().out
    assert main(["replay", bag, "--profile", "demo", "--output", str(tmp_path / "o.mcap")]) == 1
