"""Archives that could run code while they are read are refused before PyTorch sees them."""

import json
import os
import pickle
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception_core.errors import ModelError
from perception_core.inference.torch_archive import EXPORT, TORCHSCRIPT, read_program, sample_inputs

MODEL = {"graph_module": {"graph": {"nodes": [{"target": "torch.ops.aten.conv2d.default"}]}}}


@pytest.fixture
def archive(tmp_path):
    """Write an archive as torch.export does, with entries changed or added."""

    def write(entries: dict | None = None, model: object = MODEL):
        path = tmp_path / "a.pt2"
        contents = {"archive_format": "pt2", "models/model.json": json.dumps(model)} | (entries or {})
        with zipfile.ZipFile(path, "w") as file:
            for name, content in contents.items():
                file.writestr(f"a/{name}", content)
        return path

    return write


def nodes(target: str) -> dict:
    return {"graph_module": {"graph": {"nodes": [{"target": target}]}}}


def test_a_program_of_data_is_taken(archive):
    path = archive({"data/sample_inputs/model.pt": b"tensors"})
    kind, content = read_program(path)
    assert kind == EXPORT
    assert content == path.read_bytes()
    assert sample_inputs(content) == [b"tensors"]


@pytest.mark.parametrize(
    "target",
    ["torch.ops.aten.add.Tensor", "_operator.getitem", "torch.ops.higher_order.cond", "torch.sym_max", "math.ceil"],
)
def test_operators_are_taken(archive, target):
    assert read_program(archive(model=nodes(target)))[0] == EXPORT


@pytest.mark.parametrize(
    "target",
    ["torch.os.system", "torch.load", "torch.ops.load_library", "torch.ops.aten.__class__", "_operator.methodcaller"],
)
def test_anything_else_that_could_be_called_is_refused(archive, target):
    with pytest.raises(ModelError, match=r"a\.pt2: a call of .*no operator"):
        read_program(archive(model=nodes(target)))


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"data/aotinductor/model/model.so": b"\x7fELF"}, "compiled code inside"),
        ({"data/constants/custom_obj_0": b"x"}, "a pickle inside"),
        ({"data/weights/model_weights_config.json": '{"config": {"w": {"use_pickle": true}}}'}, "a pickle inside"),
        ({"data/weights/model_weights_config.json": '{"config": {"w": {"use_pickle": "no"}}}'}, "a pickle inside"),
        ({"models/other.json": "{"}, "damaged"),
        ({"models/other.json": "[" * 100_000}, "damaged"),
    ],
)
def test_what_is_run_while_it_is_read_is_refused(archive, entries, reason):
    with pytest.raises(ModelError, match=rf"a\.pt2: {reason}"):
        read_program(archive(entries))


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("s0", True),
        ("Mul(Integer(2), Symbol('s34', positive=True, integer=True))", True),
        ("Symbol('os.system')", False),
        ("2*s77 + FloorDiv(s1, 8)", True),
        ("Max(1, u0)", True),
        ("exit()", False),
        ("s0.__class__", False),
        ("__import__('os')", False),
        ("[s0]", False),
        (3, False),
    ],
)
def test_sizes_are_expressions_and_nothing_else(archive, expression, fits):
    path = archive(model={"range": [{"expr_str": expression}]})
    if fits:
        assert read_program(path)[0] == EXPORT
    else:
        with pytest.raises(ModelError, match="no expression of sizes"):
            read_program(path)


class Bomb:
    """A pickle that would make a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_pickle_is_refused_unread(tmp_path):
    path, made = tmp_path / "a.pt", tmp_path / "made"
    path.write_bytes(pickle.dumps(Bomb(made)))
    with pytest.raises(ModelError, match=r"a\.pt: damaged, or an old pickle, which could run any code"):
        read_program(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", pickle.dumps(Bomb(made)))
        file.writestr("a/version", "3")
    with pytest.raises(ModelError, match=r"a pickle of Python objects.*torch.export.save"):
        read_program(path)
    assert not made.exists()


def test_torchscript_is_known_by_its_code(tmp_path):
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("a/data.pkl", "a/constants.pkl", "a/code/__torch__.py"):
            file.writestr(name, "")
    assert read_program(path)[0] == TORCHSCRIPT


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"none\.pt: cannot read it"):
        read_program(tmp_path / "none.pt")


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_refused(tmp_path_factory, content, as_zip):
    path = tmp_path_factory.getbasetemp() / "any.pt2"
    path.write_bytes(b"PK\x03\x04" + content if as_zip else content)
    with pytest.raises(ModelError):
        read_program(path)


@given(st.data())
def test_a_damaged_archive_is_taken_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.pt2"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/models/model.json", json.dumps(MODEL))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        read_program(path)
    except ModelError:
        return
