"""Downloads from a real HTTP server on this machine, which cuts lines, lies and breaks as real ones do."""

import hashlib
import resource
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from perception_core.errors import ModelError
from perception_core.inference.download import Patience, Source, download
from perception_core.inference.engines.lock import file_lock

CONTENT = np.random.default_rng(0).bytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(timeout=5.0, tries=2, pause=0.01)


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.files``; what goes wrong is written in ``server``."""

    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.requests.append((self.path, asked))
        if self.path in server.moved:
            self.send_response(302)
            self.send_header("Location", server.moved[self.path])
            self.end_headers()
            return
        code = server.errors.pop(0) if server.errors else 0
        if code:
            self.send_error(code)
            return
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = 0
        if asked and server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if server.lengths:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content)
        if server.cuts:
            end = start + server.cuts.pop(0)
        self.wfile.write(content[start:end])
        self.close_connection = True

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/net.onnx": CONTENT}
        self.requests, self.cuts, self.errors, self.moved = [], [], [], {}
        self.ranges = self.lengths = True

    def url(self, path: str = "/net.onnx") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def source(server, *paths: str, **changes) -> Source:
    values = {"sha256": (DIGEST,), "size": len(CONTENT)} | changes
    return Source(tuple(server.url(path) for path in paths or ("/net.onnx",)), **values)


def test_a_file_comes_whole_with_progress_and_is_not_asked_for_again(server, tmp_path):
    reports = []
    path = download(source(server), tmp_path / "models" / "net.onnx", reports.append, patience=QUICK)
    assert path.read_bytes() == CONTENT
    assert reports[-1].fraction == 1.0
    assert reports[-1].text == "0.3 of 0.3 MB"
    shares = [report.fraction for report in reports]
    assert shares == sorted(shares)
    download(source(server), path, patience=QUICK)
    assert len(server.requests) == 1


def test_a_broken_line_is_gone_on_with_where_it_broke(server, tmp_path):
    server.cuts = [100_000, 50_000]
    download(source(server), tmp_path / "net.onnx", patience=QUICK)
    assert (tmp_path / "net.onnx").read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == [None, "bytes=100000-", "bytes=150000-"]


def test_what_an_earlier_process_brought_is_gone_on_with(server, tmp_path):
    (tmp_path / ".net.onnx.part").write_bytes(CONTENT[:200_000])
    download(source(server), tmp_path / "net.onnx", patience=QUICK)
    assert (tmp_path / "net.onnx").read_bytes() == CONTENT
    assert server.requests == [("/net.onnx", "bytes=200000-")]


def test_a_part_that_was_whole_is_checked_and_taken(server, tmp_path):
    (tmp_path / ".net.onnx.part").write_bytes(CONTENT)
    download(source(server), tmp_path / "net.onnx", patience=QUICK)
    assert (tmp_path / "net.onnx").read_bytes() == CONTENT


def test_a_part_of_another_file_is_thrown_away_and_the_file_brought_again(server, tmp_path):
    (tmp_path / ".net.onnx.part").write_bytes(b"x" * 1000)
    download(source(server), tmp_path / "net.onnx", patience=QUICK)
    assert (tmp_path / "net.onnx").read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == ["bytes=1000-", None]


def test_a_server_without_ranges_begins_again(server, tmp_path):
    server.ranges = False
    server.cuts = [100_000]
    download(source(server), tmp_path / "net.onnx", patience=QUICK)
    assert (tmp_path / "net.onnx").read_bytes() == CONTENT


def test_a_server_without_ranges_that_always_breaks_is_given_up(server, tmp_path):
    server.ranges = False
    server.cuts = [100_000] * 50
    with pytest.raises(ModelError, match=r"net\.onnx cannot be had: http://127.*: the line broke"):
        download(source(server), tmp_path / "net.onnx", patience=QUICK)
    assert len(server.requests) <= 5


def test_a_length_nobody_states_is_the_cards(server, tmp_path):
    server.lengths = False
    server.cuts = [100_000]
    download(source(server), tmp_path / "net.onnx", patience=QUICK)
    assert (tmp_path / "net.onnx").read_bytes() == CONTENT


def test_a_wrong_checksum_is_deleted_and_said(server, tmp_path):
    server.files["/net.onnx"] = b"y" * len(CONTENT)
    wrong = hashlib.sha256(b"y" * len(CONTENT)).hexdigest()
    with pytest.raises(ModelError, match=rf"its sha256 {wrong} is not {DIGEST}; deleted"):
        download(source(server), tmp_path / "net.onnx", patience=QUICK)
    assert [path.name for path in tmp_path.iterdir()] == [".net.onnx.lock"]


def test_a_wrong_file_in_the_place_is_replaced(server, tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"old")
    download(source(server), tmp_path / "net.onnx", patience=QUICK)
    assert (tmp_path / "net.onnx").read_bytes() == CONTENT


@pytest.mark.parametrize("trouble", ["missing", "wrong", "longer", "shorter"])
def test_a_mirror_is_asked_when_the_first_does_not_have_it(server, tmp_path, trouble):
    bad = {"wrong": b"y" * len(CONTENT), "longer": CONTENT + b"more", "shorter": CONTENT[:-5]}
    if trouble in bad:
        server.files["/bad.onnx"] = bad[trouble]
    download(source(server, "/bad.onnx", "/net.onnx"), tmp_path / "net.onnx", patience=QUICK)
    assert (tmp_path / "net.onnx").read_bytes() == CONTENT


def test_all_that_was_tried_is_said(server, tmp_path):
    server.files.clear()
    with pytest.raises(ModelError, match=r"a\.onnx: 404 Not Found; http.*b\.onnx: 404 Not Found"):
        download(source(server, "/a.onnx", "/b.onnx"), tmp_path / "net.onnx", patience=QUICK)


def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(server, tmp_path):
    server.errors = [503]
    download(source(server), tmp_path / "net.onnx", patience=QUICK)
    assert len(server.requests) == 2
    server.errors = [403]
    with pytest.raises(ModelError, match="403 Forbidden"):
        download(source(server), tmp_path / "no.onnx", patience=QUICK)
    assert len(server.requests) == 3


def test_a_redirection_is_followed_and_one_to_a_file_is_not(server, tmp_path):
    server.moved = {"/moved.onnx": server.url(), "/evil.onnx": "file:///etc/passwd"}
    download(source(server, "/moved.onnx"), tmp_path / "net.onnx", patience=QUICK)
    assert (tmp_path / "net.onnx").read_bytes() == CONTENT
    with pytest.raises(ModelError, match="cannot be had"):
        download(source(server, "/evil.onnx"), tmp_path / "evil.onnx", patience=QUICK)


def test_nobody_there_is_said(tmp_path):
    with pytest.raises(ModelError, match="Connection refused"):
        download(Source(("http://127.0.0.1:9/net.onnx",), (DIGEST,)), tmp_path / "net.onnx", patience=QUICK)


@pytest.mark.parametrize("url", ["ftp://a/b", "file:///etc/passwd", "/etc/passwd", ""])
def test_other_addresses_are_refused(tmp_path, url):
    with pytest.raises(ModelError, match="no address of http or https"):
        download(Source((url,), (DIGEST,)), tmp_path / "net.onnx")


def test_no_hash_is_refused_unless_it_is_said(server, tmp_path):
    unknown = source(server, sha256=(), size=0)
    with pytest.raises(ModelError, match="its sha256 was never checked"):
        download(unknown, tmp_path / "net.onnx", patience=QUICK)
    (tmp_path / ".net.onnx.part").write_bytes(b"of something")  # which cannot be gone on with
    assert download(unknown, tmp_path / "net.onnx", unchecked=True, patience=QUICK).read_bytes() == CONTENT
    assert server.requests == [("/net.onnx", None)]


def test_it_can_be_stopped_and_what_came_stays(server, tmp_path):
    stop = threading.Event()
    with pytest.raises(ModelError, match="stopped"):
        download(source(server), tmp_path / "net.onnx", lambda _: stop.set(), stop, patience=QUICK)
    assert 0 < (tmp_path / ".net.onnx.part").stat().st_size < len(CONTENT)
    assert not (tmp_path / "net.onnx").exists()


def test_a_second_process_waits_for_the_first(server, tmp_path):
    stop, stages = threading.Event(), []

    def report(progress):
        stages.append(progress.stage)
        stop.set()

    with file_lock(tmp_path / ".net.onnx.lock"), pytest.raises(ModelError, match="stopped while waiting"):
        download(source(server), tmp_path / "net.onnx", report, stop, patience=QUICK)
    assert stages == ["wait"]


def test_a_full_disk_is_said(server, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ModelError, match=r"net\.onnx: cannot write it: File too large"):
            download(source(server), tmp_path / "net.onnx", patience=QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "net.onnx").exists()


def test_more_than_the_disk_holds_is_refused_before_it_comes(server, tmp_path, monkeypatch):
    from perception_core.inference import download as module

    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(ModelError, match="0 MB are free, 0 MB are needed"):
        download(source(server), tmp_path / "net.onnx", patience=QUICK)


def test_a_folder_that_cannot_be_made_is_said(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"net\.onnx: cannot write it"):
        download(source(server), tmp_path / "file" / "net.onnx", patience=QUICK)
