"""What the processes are left with that decode strangers' files, encode uploads, draw figures."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.pictures.encoded import checked
from bot.pictures.upload_encoder import UploadEncoder
from common.child import ChildError
from common.confining import child_environment
from common.pictures import ClipLimits, DecoderPool
from tests.common.clips.files import GREEN, RED, make_video, solid_frame
from tests.kit.pictures import gradient_picture

ROOT = Path(__file__).resolve().parents[2]
LOOK = """
import ctypes, importlib, json, os, resource, signal, socket, subprocess, sys, threading
from pathlib import Path
module, folder, port, parent, *arguments = sys.argv[1:]
folder, port, parent = Path(folder), int(port), int(parent)
child = importlib.import_module(module)
library = ctypes.CDLL(None, use_errno=True)

def sends_a_packet():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port))
def connects_to_a_path():  # as a database's, whose user it is
    socket.socket(socket.AF_UNIX).connect(str(folder / "socket"))
def forks():
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)
def takes_memory_that_is_not_counted():
    os.ftruncate(os.memfd_create("x"), 1 << 30)
def takes_shared_memory():
    if library.shmget(0, 1 << 20, 0o1600) < 0:
        raise OSError
def looks_into_another_process():
    Path(f"/proc/{parent}/environ").read_bytes()
def sees_what_was_freed():
    library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    for size in (2_000, 100_000):
        place = library.malloc(size)
        ctypes.memset(place, ord("S"), size)
        library.free(place)
        if library.malloc(size) == place and ctypes.string_at(place, size).count(b"S") > 100:
            return
    raise OSError
def calls(number, *values):
    if library.syscall(number, *values) < 0:
        raise OSError

DEEDS = {
    "read a file": (folder / ".env").read_text,
    "list a folder": lambda: os.listdir(folder),
    "write a file": lambda: (folder / "new").write_text("x"),
    "write where it is": lambda: Path("new").write_text("x"),
    "empty a file": lambda: os.open(folder / "victim", os.O_RDONLY | os.O_TRUNC),
    "remove a file": lambda: os.unlink(folder / "victim"),
    "make a folder": lambda: os.mkdir(folder / "made"),
    "open a folder to all": lambda: os.chmod(folder, 0o777),
    "give a file away": lambda: os.chown(folder / ".env", 1, 1),
    "change times": lambda: os.utime(folder / ".env", (1, 1)),
    "connect": lambda: socket.create_connection(("127.0.0.1", port), 2),
    "send a packet": sends_a_packet,
    "connect to a path": connects_to_a_path,
    "make a pair of sockets": socket.socketpair,
    "fork": forks,
    "run a program": lambda: subprocess.run(["true"], check=True),
    "signal another process": lambda: os.kill(parent, signal.SIGWINCH),
    "limit another process": lambda: resource.prlimit(parent, resource.RLIMIT_CORE, (0, 0)),
    "slow another process down": lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
    "look into another process": looks_into_another_process,
    "take memory that is not counted": takes_memory_that_is_not_counted,
    "take shared memory": takes_shared_memory,
    "see what was freed": sees_what_was_freed,
}
if os.uname().machine == "x86_64":
    DEEDS["read another's memory"] = lambda: calls(310, parent, 0, 0, 0, 0, 0)
    DEEDS["open a ring"] = lambda: calls(425, 4, ctypes.create_string_buffer(200))
    DEEDS["add a key"] = lambda: calls(248, b"user", b"x", b"y", 1, -3)

def done():
    done = []
    for name, deed in DEEDS.items():
        try:
            deed()
        except (OSError, RuntimeError):
            continue
        done.append(name)
    return done

said = {}
def look(*_arguments, **_named):
    said["done"] = done()
    thread = threading.Thread(target=lambda: said.update(by_a_thread=done()))
    thread.start()  # as libheif does
    thread.join()
    said["limits"] = [
        resource.getrlimit(limit)[1] for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
    ]
    said["open files"] = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    said["memory"] = resource.getrlimit(resource.RLIMIT_AS)[1]
    said["environment"] = sorted(os.environ)
    print(json.dumps(said))

confine = child.confine
def counting(**arguments):
    said["threads"] = len(os.listdir("/proc/self/task"))
    confine(**arguments)
    # What it may not write any more is read by whoever started it.
child.confine, child.serve = counting, look
sys.argv = [module, *arguments]
child.main()
"""
CHILDREN = {
    "common.pictures.child": (str(1 << 31), "."),
    "bot.pictures.child": (),
    "bot.commands.admin.plot": (),
}


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock, seccomp, namespaces are Linux's")
@pytest.mark.parametrize("module", CHILDREN)
def test_confined_child_reaches_nothing_outside_itself(tmp_path: Path, module: str) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKEN=secret")
    (tmp_path / "victim").write_text("a picture")
    mode = tmp_path.stat().st_mode
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as local,
        subprocess.Popen(["sleep", "60"], env={"DISCORD_TOKEN": "secret"}) as other,
    ):
        local.bind(str(tmp_path / "socket"))
        local.listen()
        asked = (module, str(tmp_path), str(server.getsockname()[1]), str(other.pid))
        try:
            answer = subprocess.check_output(
                [sys.executable, "-c", LOOK, *asked, *CHILDREN[module]],
                cwd=ROOT,
                env=child_environment(),
            )
        finally:
            other.kill()
    said = json.loads(answer)
    assert (said["done"], said["by_a_thread"]) == ([], [])
    assert said["threads"] == 1  # as another would keep what this one gave up
    assert said["limits"] == [0, 0]
    assert said["open files"] == 64
    assert said["memory"] <= 1 << 32
    known = {"PATH", "LANG", "LC_CTYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}
    assert set(said["environment"]) <= known
    assert (tmp_path / "victim").read_text() == "a picture"
    assert tmp_path.stat().st_mode == mode


async def test_confined_child_encodes_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    picture = gradient_picture((300, 200))
    made = await UploadEncoder().make("compare", 100_000, picture, picture)
    assert made.width_px > 600
    assert len(made.data) <= 100_000


async def test_confined_child_encodes_clips() -> None:
    async with DecoderPool(processes=1) as pool:
        decoded = await pool.decode(
            make_video([solid_frame(RED), solid_frame(GREEN)]), ClipLimits()
        )
    assert decoded.clip is not None
    clip = decoded.clip.file
    for made in (
        await UploadEncoder().make("fit_clip", 1_000_000, clip),
        await UploadEncoder().make("compare_clips", 1_000_000, clip, clip),
    ):
        assert made.suffix == ".mp4"


@pytest.mark.parametrize(
    ("answer", "files"),
    [
        ({}, []),
        ({"suffix": ".jpg"}, [b"\xff\xd8\xff"]),
        ({"suffix": ".exe", "quality": 1, "width_px": 1, "height_px": 1}, [b"MZ"]),
        ({"suffix": ".jpg", "quality": 1, "width_px": 1, "height_px": 1}, [b"MZ"]),
        ({"suffix": ".jpg", "quality": 1, "width_px": "1", "height_px": 1}, [b"\xff\xd8\xff"]),
        ({"suffix": ".jpg", "quality": 1, "width_px": -1, "height_px": 1}, [b"\xff\xd8\xff"]),
        ({"suffix": ".jpg", "name": "x", "quality": 1}, [b"\xff\xd8\xff"]),
    ],
)
def test_malformed_child_answer_is_rejected(answer: dict[str, object], files: list[bytes]) -> None:
    with pytest.raises(ChildError):
        checked(answer, files)
