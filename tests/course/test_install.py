"""The installer: on failure one sentence, and nothing half-made."""

import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dgm.course import install

SCRIPT = install.__file__


def run(venv, python=sys.executable, **environment):
    where = {"PIP_CONFIG_FILE": "/dev/null", "TMPDIR": str(venv.parents[0])}
    return subprocess.run(
        [python, SCRIPT, "--venv", str(venv)],
        env={**os.environ, **where, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_one_sentence(done, *words):
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("version", [(3, 9, 1), (3, 10, 14), (3, 14, 0)])
def test_an_unsupported_python_is_refused(version):
    with pytest.raises(install.Failed, match="install Python 3.11, 3.12 or 3.13"):
        install.check_python(version)


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 9)])
def test_a_supported_python_is_accepted(version):
    install.check_python(version)


def test_an_old_python_can_read_the_script_and_says_so(tmp_path):
    """The file must parse on a Python too old for the rest of the package."""
    import ast

    ast.parse(Path(SCRIPT).read_text("utf8"), feature_version=(3, 6))


def test_too_little_space_is_said_before_anything_is_made(tmp_path):
    with pytest.raises(install.Failed, match="GB free and the environment needs"):
        install.check_space(tmp_path / "not" / "yet", needed=1e9)
    install.check_space(tmp_path / "not" / "yet", needed=0.0)


def test_without_a_network(tmp_path):
    venv = tmp_path / "venv"
    nowhere = "http://127.0.0.1:9/simple"
    done = run(venv, PIP_INDEX_URL=nowhere, PIP_RETRIES="0")
    assert_one_sentence(done, "package index cannot be reached", "same command again")
    assert not venv.exists()


def test_an_existing_environment_survives_a_failed_update(tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (venv / "mine").touch()
    (venv / install.READY).touch()
    done = run(venv, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0")
    assert_one_sentence(done, "Installation failed")
    assert (venv / "mine").exists()
    assert not (venv / install.READY).exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    done = run(tmp_path / "file" / "venv")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_reachable_asks_the_index():
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/whl/cpu/torch/" else 404)
            self.end_headers()

        def log_message(self, *words):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    assert install.reachable(f"http://127.0.0.1:{port}/whl/cpu")
    assert not install.reachable(f"http://127.0.0.1:{port}/elsewhere")
    server.shutdown()
    server.server_close()
    assert not install.reachable(f"http://127.0.0.1:{port}/whl/cpu", timeout=1.0)
    assert not install.reachable("no address", timeout=1.0)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("Failed: NewConnectionError: refused", "index cannot be reached"),
        ("Error: ensurepip is not available", "install python3-venv"),
        ("PermissionError: Permission denied: '/opt'", "choose VENV"),
        ("something else", "see the end of the log"),
    ],
)
def test_reasons(tmp_path, output, words):
    log = tmp_path / "log"
    with pytest.raises(install.Failed, match=words) as failure:
        install.command(
            log, sys.executable, "-c", f"print({output!r}); raise SystemExit(1)"
        )
    assert str(log) in str(failure.value)


@pytest.fixture
def commands(monkeypatch):
    """What would be run, without running it."""
    seen = []
    monkeypatch.setattr(install, "command", lambda log, *words: seen.append(words))
    monkeypatch.setattr(install, "reachable", lambda index: "good" in index)
    return seen


def test_main_refuses_an_old_python(tmp_path, monkeypatch, capsys, commands):
    monkeypatch.setattr(install.sys, "version_info", (3, 9, 1))
    assert install.main(["--venv", str(tmp_path / "venv")]) == 1
    assert "Python 3.9 is not supported" in capsys.readouterr().err
    assert commands == []


def test_main_refuses_a_full_disk(tmp_path, monkeypatch, capsys, commands):
    monkeypatch.setattr(install, "NEEDED_GB", 1e9)
    assert install.main(["--venv", str(tmp_path / "venv")]) == 1
    assert "free some space" in capsys.readouterr().err
    assert commands == []


def test_main_refuses_a_path_that_make_cannot_use(tmp_path, capsys, commands):
    assert install.main(["--venv", str(tmp_path / "my venv")]) == 1
    assert "without spaces" in capsys.readouterr().err
    assert commands == []


@pytest.mark.parametrize("index", ["https://good", "https://dead", ""])
def test_main_pins_the_versions_and_takes_the_index_if_it_answers(
    tmp_path, monkeypatch, capsys, commands, index
):
    monkeypatch.setattr(install.sys, "platform", "linux")
    venv = tmp_path / "venv"
    venv.mkdir()
    assert install.main(["--venv", str(venv), "--torch-index", index]) == 0
    pinned = ("--constraint", str(install.ROOT / "constraints.txt"))
    _, torch, tools = commands
    for words in (torch, tools):
        assert pinned in zip(words, words[1:], strict=False)
    assert ("--index-url" in torch) == ("good" in index)
    assert "--index-url" not in tools
    assert ("several GB" in capsys.readouterr().out) == ("dead" in index)

    commands.clear()
    assert install.main(["--venv", str(venv)]) == 0
    assert commands == []  # nothing changed: nothing to do, also without a network
