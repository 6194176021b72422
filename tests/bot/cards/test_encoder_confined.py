"""What the process that encodes is left with."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.pictures.upload_encoder import UploadEncoder
from tests.kit.pictures import gradient_picture

ROOT = Path(__file__).resolve().parents[3]
LOOK = """
import json, os, pathlib, socket, sys
from bot.pictures import child
def reads(path):
    try:
        return bool(pathlib.Path(path).read_bytes())
    except OSError:
        return False
def connects():
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[2])), 2).close()
        return True
    except OSError:
        return False
before = {"reads": reads(sys.argv[1]), "connects": connects()}
child.serve = lambda _: None
child.main()
after = {"reads": reads(sys.argv[1]), "connects": connects()}
print(json.dumps([before, after]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock and namespaces are Linux's")
def test_it_reads_no_file_of_ours_and_reaches_no_network(tmp_path: Path) -> None:
    secret = tmp_path / ".env"
    secret.write_text("DISCORD_TOKEN=secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = subprocess.check_output(
            [sys.executable, "-c", LOOK, str(secret), str(server.getsockname()[1])], cwd=ROOT
        )
    before, after = json.loads(said)
    assert before == {"reads": True, "connects": True}
    assert after == {"reads": False, "connects": False}


async def test_it_encodes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    picture = gradient_picture((300, 200))
    made = await UploadEncoder().compare(picture, picture, 100_000)
    assert made.width_px > 600
    assert len(made.data) <= 100_000
