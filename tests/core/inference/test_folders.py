"""Which folders are searched, in which order."""

from pathlib import Path

from perception_core.inference.folders import cache_folder, download_folder, model_folders


def test_the_cache_follows_the_desktop_s_rules():
    assert cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/perception")
    assert cache_folder({"XDG_CACHE_HOME": "not absolute"}) == Path.home() / ".cache" / "perception"
    assert download_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/perception/models")


def test_the_folders_that_are_named_come_before_the_downloads():
    environ = {"PERCEPTION_MODELS": "/a::~/b", "XDG_CACHE_HOME": "/x"}
    assert model_folders(environ) == (Path("/a"), Path.home() / "b", Path("/x/perception/models"))
    assert model_folders({"XDG_CACHE_HOME": "/x"}) == (Path("/x/perception/models"),)
