"""From a name to a file and its card, in real folders."""

import hashlib

import pytest

from perception_core.errors import ModelError
from perception_core.inference.registry import find_model, packaged_cards, sha256_of


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
