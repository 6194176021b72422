"""The sandbox of the child processes that decode pictures, encode uploads and draw plots."""

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
TRY_FORBIDDEN_ACTIONS = """
import ctypes, importlib, json, os, resource, signal, socket, subprocess, sys, threading
from pathlib import Path
module, folder, port, parent, *arguments = sys.argv[1:]
folder, port, parent = Path(folder), int(port), int(parent)
child = importlib.import_module(module)
library = ctypes.CDLL(None, use_errno=True)

def send_packet():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port))
def connect_to_unix_socket():  # as of a database that trusts this user
    socket.socket(socket.AF_UNIX).connect(str(folder / "socket"))
def fork():
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)
def allocate_memfd():
    os.ftruncate(os.memfd_create("x"), 1 << 30)
def allocate_shared_memory():
    if library.shmget(0, 1 << 20, 0o1600) < 0:
        raise OSError
def read_environment_of_parent():
    Path(f"/proc/{parent}/environ").read_bytes()
def read_freed_memory():
    library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    for size in (2_000, 100_000):
        place = library.malloc(size)
        ctypes.memset(place, ord("S"), size)
        library.free(place)
        if library.malloc(size) == place and ctypes.string_at(place, size).count(b"S") > 100:
            return
    raise OSError
def system_call(number, *values):
    if library.syscall(number, *values) < 0:
        raise OSError

ACTIONS = {
    "read a file": (folder / ".env").read_text,
    "list a folder": lambda: os.listdir(folder),
    "write a file": lambda: (folder / "new").write_text("x"),
    "write into the working directory": lambda: Path("new").write_text("x"),
    "truncate a file": lambda: os.open(folder / "victim", os.O_RDONLY | os.O_TRUNC),
    "remove a file": lambda: os.unlink(folder / "victim"),
    "make a folder": lambda: os.mkdir(folder / "made"),
    "change permissions": lambda: os.chmod(folder, 0o777),
    "change the owner": lambda: os.chown(folder / ".env", 1, 1),
    "change times": lambda: os.utime(folder / ".env", (1, 1)),
    "connect": lambda: socket.create_connection(("127.0.0.1", port), 2),
    "send a packet": send_packet,
    "connect to a Unix socket": connect_to_unix_socket,
    "create a socket pair": socket.socketpair,
    "fork": fork,
    "run a program": lambda: subprocess.run(["true"], check=True),
    "signal another process": lambda: os.kill(parent, signal.SIGWINCH),
    "limit another process": lambda: resource.prlimit(parent, resource.RLIMIT_CORE, (0, 0)),
    "change the priority of another process": lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
    "read the environment of another process": read_environment_of_parent,
    "allocate a memfd": allocate_memfd,
    "allocate shared memory": allocate_shared_memory,
    "read freed memory": read_freed_memory,
}
if os.uname().machine == "x86_64":
    ACTIONS["read the memory of another process"] = lambda: system_call(310, parent, 0, 0, 0, 0, 0)
    ACTIONS["set up io_uring"] = lambda: system_call(425, 4, ctypes.create_string_buffer(200))
    ACTIONS["add a key"] = lambda: system_call(248, b"user", b"x", b"y", 1, -3)

def try_all():
    successful = []
    for name, action in ACTIONS.items():
        try:
            action()
        except (OSError, RuntimeError):
            continue
        successful.append(name)
    return successful

report = {}
def serve(*_arguments, **_options):
    report["successful"] = try_all()
    thread = threading.Thread(target=lambda: report.update(successful_in_a_thread=try_all()))
    thread.start()  # as libheif does
    thread.join()
    report["limits"] = [
        resource.getrlimit(limit)[1] for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
    ]
    report["open files"] = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    report["memory"] = resource.getrlimit(resource.RLIMIT_AS)[1]
    report["environment"] = sorted(os.environ)
    print(json.dumps(report))

confine = child.confine
def confine_and_count_threads(**arguments):
    report["threads"] = len(os.listdir("/proc/self/task"))
    confine(**arguments)
child.confine, child.serve = confine_and_count_threads, serve
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
        arguments = (module, str(tmp_path), str(server.getsockname()[1]), str(other.pid))
        try:
            answer = subprocess.check_output(
                # Python 3.12 warns of a fork beside threads, and no file can take what it writes.
                [
                    *(sys.executable, "-W", "ignore::DeprecationWarning"),
                    *("-c", TRY_FORBIDDEN_ACTIONS, *arguments, *CHILDREN[module]),
                ],
                cwd=ROOT,
                env=child_environment(),
            )
        finally:
            other.kill()
    report = json.loads(answer)
    assert (report["successful"], report["successful_in_a_thread"]) == ([], [])
    assert report["threads"] == 1  # another thread would not be confined
    assert report["limits"] == [0, 0]
    assert report["open files"] == 64
    assert report["memory"] <= 1 << 32
    known = {"PATH", "LANG", "LC_CTYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}
    assert set(report["environment"]) <= known
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
