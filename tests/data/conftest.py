"""A mirror on this machine, tiny published files, and what a clear error looks like."""

import gzip
import hashlib
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from dgm.data.download import Remote


@dataclass
class Answer:
    body: bytes
    status: int = 200
    promised: int | None = None  # Content-Length, if it is a lie
    pause: float = 0.0  # seconds between the two halves of the body


@dataclass
class Mirror:
    address: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def serve(self, name, body, **behaviour):
        """Serve a body under a name, and say at which address."""
        self.answers[f"/{name}"] = Answer(body, **behaviour)
        return f"{self.address}/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        mirror = self.server.mirror
        mirror.asked.append(self.path)
        answer = mirror.answers.get(self.path, Answer(b"no such file", 404))
        self.send_response(answer.status)
        length = len(answer.body) if answer.promised is None else answer.promised
        self.send_header("Content-Length", str(length))
        self.end_headers()
        half = len(answer.body) // 2
        self.wfile.write(answer.body[:half])
        self.wfile.flush()
        time.sleep(answer.pause)
        self.wfile.write(answer.body[half:])

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that gave up, which some tests are about


@pytest.fixture
def mirror():
    server = Server(("127.0.0.1", 0), Handler)
    server.mirror = Mirror(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}
    )
    thread.start()
    yield server.mirror
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def dead_address():
    """An address on this machine where nothing listens."""
    server = Server(("127.0.0.1", 0), Handler)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path):
    """No local folder, no proxy, and a default cache folder that is not the user's."""
    monkeypatch.delenv("DGM_DATA", raising=False)
    monkeypatch.setenv("DGM_BOOK", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home-cache"))


@pytest.fixture
def sha256():
    return lambda content: hashlib.sha256(content).hexdigest()


@pytest.fixture
def published(sha256):
    """A Remote for the given content at the given addresses."""

    def make(content, *urls, name="file.gz", **rest):
        return Remote(name, sha256(content), urls, **rest)

    return make


@pytest.fixture
def clear():
    """Check that an error is one sentence with these words and no traceback soup."""

    def check(caught, *words):
        message = str(caught.value)
        for word in words:
            assert word in message
        assert "\n" not in message and ". " not in message and len(message) < 500
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None

    return check


@pytest.fixture
def idx():
    """Bytes of an IDX file, written straight from the description of the format."""

    def make(array, magic=None, packed=True):
        head = struct.pack(">HBB", 0, 8, array.ndim) if magic is None else magic
        sizes = b"".join(struct.pack(">i", size) for size in array.shape)
        content = head + sizes + array.astype(np.uint8).tobytes()
        return gzip.compress(content, mtime=0) if packed else content

    return make


@pytest.fixture
def files_below():
    """Every file below a folder, as relative paths."""
    return lambda folder: sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    )
