"""What a command reads it does not write over."""

from pathlib import Path

import pytest

from perception_core.errors import PerceptionError
from perception_tools.cli import main
from perception_tools.overwriting import refuse_to_overwrite, require_folder
from perception_tools.profile import write_with_model


@pytest.fixture
def bag(tmp_path):
    """A file that stands for a recording."""
    path = tmp_path / "drive.mcap"
    path.write_bytes(b"valuable")
    return path


def test_the_same_file_by_any_name_is_refused(bag, tmp_path, monkeypatch):
    (tmp_path / "soft.mcap").symlink_to(bag)
    (tmp_path / "hard.mcap").hardlink_to(bag)
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("drive.mcap", "sub/../drive.mcap", "soft.mcap", "hard.mcap"):
        with pytest.raises(PerceptionError, match=rf"^{name}: is what is read .*: give the output another name"):
            refuse_to_overwrite(bag, Path(name))


def test_a_file_of_a_folder_that_is_read_is_refused(bag, tmp_path):
    with pytest.raises(PerceptionError, match=r"drive\.mcap: is what is read"):
        refuse_to_overwrite(tmp_path, bag)
    refuse_to_overwrite(tmp_path, tmp_path)  # pictures beside it harm nobody


def test_another_file_a_new_one_and_an_input_that_is_missing_are_not(bag, tmp_path):
    other = tmp_path / "other.mcap"
    refuse_to_overwrite(bag, other)
    assert not other.exists()
    other.write_bytes(bag.read_bytes())
    before = untouched(tmp_path)
    refuse_to_overwrite(bag, other)
    refuse_to_overwrite(tmp_path / "none.mcap", other)
    assert untouched(tmp_path) == before


def untouched(folder):
    """Everything in a folder: names and contents."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", ["drive.mcap", "soft.mcap", "hard.mcap"])
def test_replay_refuses_before_it_touches_anything(drive, tmp_path, capsys, name):
    bag = drive.write(tmp_path / "drive.mcap")
    (tmp_path / "soft.mcap").symlink_to(bag)
    (tmp_path / "hard.mcap").hardlink_to(bag)
    before = untouched(tmp_path)
    assert main(["replay", str(bag), "--profile", "demo", "--output", str(tmp_path / name)]) == 2
    assert f"{name}: is what is read" in capsys.readouterr().err
    assert untouched(tmp_path) == before


def test_replay_of_a_folder_refuses_its_files(drive, tmp_path, capsys):
    folder = tmp_path / "drive"
    folder.mkdir()
    bag = drive.write(folder / "drive_0.mcap")
    before = untouched(folder)
    assert main(["replay", str(folder), "--profile", "demo", "--output", str(bag)]) == 2
    assert "drive_0.mcap: is what is read" in capsys.readouterr().err
    assert untouched(folder) == before


def test_a_profile_with_another_model_is_not_written_over_the_profile(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("camera_node: {ros__parameters: {}}  # by hand\n")
    with pytest.raises(PerceptionError, match=r"mine\.yaml: is what is read"):
        write_with_model(str(mine), "other", tmp_path)
    assert "by hand" in mine.read_text()


def test_the_demo_does_not_write_its_profile_over_the_scenario(tmp_path, capsys):
    scenario = tmp_path / "demo.yaml"
    scenario.write_text("duration: 3.0\n")
    before = untouched(tmp_path)
    assert main(["demo", "--scenario", str(scenario), "--model", "yolox_nano", "--out", str(tmp_path)]) == 2
    assert "demo.yaml: is what is read" in capsys.readouterr().err
    assert untouched(tmp_path) == before


@pytest.mark.parametrize(
    "command", [["calibrate", "check", "BAG", "--report", "PNG"], ["view", "BAG", "--output", "PNG"]]
)
def test_a_picture_is_not_drawn_over_the_recording_behind_a_link(drive, tmp_path, capsys, command):
    bag = drive.write(tmp_path / "drive.mcap")
    (tmp_path / "picture.png").symlink_to(bag)
    before = untouched(tmp_path)
    named = {"BAG": str(bag), "PNG": str(tmp_path / "picture.png")}
    assert main([named.get(word, word) for word in command]) == 2
    assert "picture.png: is what is read" in capsys.readouterr().err
    assert untouched(tmp_path) == before


def test_a_folder_that_is_there_or_can_be_made_will_do_and_is_not_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, Path(), Path("a/b/c"), tmp_path / "new"):
        require_folder(folder, tmp_path / "out.mcap")
    assert list(tmp_path.iterdir()) == []


def test_a_file_a_link_to_nothing_and_what_lies_in_a_file_are_no_folders(bag, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for folder, name in ((bag, "drive.mcap"), (bag / "a" / "b", "drive.mcap"), (tmp_path / "link", "link")):
        with pytest.raises(PerceptionError, match=f"expected a folder, but .*/{name} is a file"):
            require_folder(folder)
    with pytest.raises(PerceptionError, match=r"expected a folder, and .*out\.mcap is to be a file"):
        require_folder(tmp_path / "out.mcap" / "report", tmp_path / "out.mcap")


def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path, monkeypatch):
    """Whom nothing is denied is denied it here."""
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(PerceptionError, match=r"cannot be written: .* denies it"):
        require_folder(tmp_path / "new")


@pytest.mark.parametrize(
    "command",
    [
        ["replay", "BAG", "--profile", "demo", "--output", "OUT", "--report", "FILE"],
        ["replay", "BAG", "--profile", "demo", "--output", "OUT", "--report", "OUT"],
        ["calibrate", "check", "BAG", "--report", "FILE"],
        ["calibrate", "check", "BAG", "--report", "PNG"],
        ["demo", "--out", "FILE"],
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_any_work(drive, tmp_path, capsys, command):
    named = {"BAG": drive.write(tmp_path / "drive.mcap"), "OUT": tmp_path / "out.mcap", "FILE": tmp_path / "notes"}
    named["PNG"] = named["FILE"] / "a.png"
    named["FILE"].write_text("of mine")
    before = untouched(tmp_path)
    assert main([str(named.get(word, word)) for word in command]) == 2
    captured = capsys.readouterr()
    assert "expected a folder" in captured.err
    assert len(captured.err.splitlines()) == 1
    assert untouched(tmp_path) == before
