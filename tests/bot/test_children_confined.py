"""What the processes are left with that encode uploads and draw figures."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.pictures.upload_encoder import UploadEncoder
from tests.kit.pictures import gradient_picture

ROOT = Path(__file__).resolve().parents[2]
LOOK = """
import importlib, json, pathlib, socket, sys
child = importlib.import_module(sys.argv[3])
def reads(path):
    try:
        return bool(pathlib.Path(path).read_bytes())
    except OSError:
        return False
def writes(path):
    try:
        pathlib.Path(path).write_bytes(b"1")
        return True
    except OSError:
        return False
def connects():
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[2])), 2).close()
        return True
    except OSError:
        return False
def look():
    place = sys.argv[1]
    return {"reads": reads(place), "writes": writes(place + ".new"), "connects": connects()}
before = look()
child.serve = lambda _: None
child.main()
after = look()
print(json.dumps([before, after]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock and namespaces are Linux's")
@pytest.mark.parametrize("module", ["bot.pictures.child", "bot.commands.admin.plot"])
def test_it_reads_no_file_of_ours_writes_none_and_reaches_no_network(
    tmp_path: Path, module: str
) -> None:
    secret = tmp_path / ".env"
    secret.write_text("DISCORD_TOKEN=secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = subprocess.check_output(
            [sys.executable, "-c", LOOK, str(secret), str(server.getsockname()[1]), module],
            cwd=ROOT,
        )
    before, after = json.loads(said)
    assert before == {"reads": True, "writes": True, "connects": True}
    assert after == {"reads": False, "writes": False, "connects": False}


async def test_it_encodes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    picture = gradient_picture((300, 200))
    made = await UploadEncoder().make("compare", 100_000, picture, picture)
    assert made.width_px > 600
    assert len(made.data) <= 100_000
