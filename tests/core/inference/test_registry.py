"""From a name to a file and its card, in real folders."""

import dataclasses
import hashlib

import pytest

from perception_core.errors import ModelError
from perception_core.inference import registry
from perception_core.inference.registry import find_model, packaged_cards, plain_name, pull, sha256_of


@pytest.fixture
def folder(tmp_path, networks):
    """A model folder with tiny.onnx and its card beside it."""
    networks.echo_network(tmp_path / "tiny.onnx")
    (tmp_path / "tiny.yaml").write_text(networks.CARD)
    return tmp_path


def test_a_name_is_found_by_the_card_in_the_folder(folder):
    path, card = find_model("tiny", [folder / "no-such-folder", folder])
    assert path == folder / "tiny.onnx"
    assert card.name == "tiny"


def test_a_path_is_taken_with_the_card_beside_it(folder):
    path, card = find_model(folder / "tiny.onnx")
    assert (path, card.name) == (folder / "tiny.onnx", "tiny")


def test_earlier_folders_come_first(folder, tmp_path_factory, networks):
    other = tmp_path_factory.mktemp("other")
    networks.echo_network(other / "tiny.onnx")
    (other / "tiny.yaml").write_text(networks.CARD)
    assert find_model("tiny", [other, folder])[0].parent == other


def test_a_name_nobody_knows_lists_where_was_searched_and_what_there_is(tmp_path):
    with pytest.raises(
        ModelError, match=rf"'yolo_lost' is unknown: no yolo_lost.yaml in {tmp_path}; packaged: .*yolox_nano"
    ):
        find_model("yolo_lost", [tmp_path])


def test_missing_weights_say_where_they_can_be_had(tmp_path):
    with pytest.raises(ModelError, match=rf"no yolox_nano.onnx in {tmp_path}; it can be had from https://github.com/"):
        find_model("yolox_nano", [tmp_path])
    with pytest.raises(ModelError, match="in any folder \\(none was given\\)"):
        find_model("yolox_nano")


def test_weights_that_are_not_the_packaged_ones_are_refused(tmp_path, networks):
    path = networks.echo_network(tmp_path / "yolox_nano.onnx")
    with pytest.raises(ModelError, match=rf"sha256 {sha256_of(path)} is not a known export of yolox_nano"):
        find_model("yolox_nano", [tmp_path])


def test_a_path_without_a_card_is_refused_rather_than_guessed(tmp_path, networks):
    path = networks.echo_network(tmp_path / "mine.onnx")
    with pytest.raises(ModelError, match=r"mine\.onnx: the file does not tell enough; .* no mine\.yaml beside it"):
        find_model(path)


def test_a_card_beside_the_file_may_pin_its_hash(folder, networks):
    digest = hashlib.sha256((folder / "tiny.onnx").read_bytes()).hexdigest()
    (folder / "tiny.yaml").write_text(networks.CARD + f"sha256: [{digest}]\n")
    assert find_model("tiny", [folder])[1].sha256 == (digest,)
    (folder / "tiny.yaml").write_text(networks.CARD + f"sha256: [{'f' * 64}]\n")
    with pytest.raises(ModelError, match=f"sha256 {digest} is not a known export of tiny"):
        find_model("tiny", [folder])


def test_a_card_without_its_file_is_named(folder):
    (folder / "tiny.onnx").unlink()
    with pytest.raises(ModelError, match=r"tiny\.yaml: names the file 'tiny\.onnx', which is not beside it"):
        find_model("tiny", [folder])


@pytest.mark.parametrize("name", ["", "a/b.onnx", "lost.onnx", "../tiny"])
def test_odd_names_are_model_errors(folder, name):
    with pytest.raises(ModelError):
        find_model(name, [folder])


def test_the_real_weights_are_known(perception_models):
    path, card = find_model("yolox_nano", [perception_models])
    assert card == packaged_cards()["yolox_nano"]
    assert find_model(path) == (path, card)


@pytest.fixture
def unchecked_card(monkeypatch):
    """A packaged card of a network whose hash nobody here has checked."""
    card = dataclasses.replace(packaged_cards()["yolox_nano"], name="lost", file="lost.onnx", sha256=(), source="")
    monkeypatch.setattr(registry, "_packaged", lambda: iter([card]))
    return card


def test_a_packaged_network_nobody_checked_is_loaded_only_where_that_is_said(tmp_path, networks, unchecked_card):
    path = networks.echo_network(tmp_path / "lost.onnx")
    with pytest.raises(ModelError, match=r"lost\.onnx: the sha256 of lost was never checked"):
        find_model("lost", [tmp_path])
    assert find_model("lost", [tmp_path], unchecked=True) == (path, unchecked_card)


def test_a_network_nobody_checked_is_not_pulled_and_one_nobody_knows_is_named(tmp_path, unchecked_card):
    with pytest.raises(ModelError, match=r"lost\.onnx: its sha256 was never checked"):
        pull("lost", tmp_path)
    with pytest.raises(ModelError, match=r"lost\.onnx: no address to have it from"):
        pull("lost", tmp_path, unchecked=True)
    with pytest.raises(ModelError, match="model 'yolo_lost' is unknown; packaged: lost"):
        pull("yolo_lost", tmp_path)


@pytest.mark.parametrize("name", ["", ".", "..", "../a.onnx", "a/b", "a\\b", "a\0b", "/etc/passwd"])
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(ModelError, match="is not a plain file name"):
        plain_name(name)
