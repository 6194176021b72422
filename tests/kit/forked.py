"""Processes forked from one that has already loaded torch and other slow libraries.

No module of Atelier is loaded before the fork, and each process has its own signals, streams,
folder and environment. Tests of a process's memory, or of loading, need a process that is started
in the usual way.
"""

import contextlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

import pytest

ROOT = Path(__file__).parents[2]
LIBRARIES = ("torch", "PIL.Image", "pydantic_settings", "rich.progress", "sqlalchemy.ext.asyncio")
_MAX_REQUEST_BYTES = 1 << 20


class ForkedProcess:
    """A running process, with the part of `subprocess.Popen` that tests need."""

    def __init__(self, reply: int, stderr: IO[bytes]) -> None:
        self._reply = os.fdopen(reply)
        self._stderr = stderr
        self.pid = int(self._reply.readline())
        self.returncode: int | None = None
        """Negative for a signal."""

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end and return the exit status."""
        if self.returncode is None:
            if not select.select([self._reply], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("forked", timeout)
            self.returncode = int(self._reply.readline())
            self._reply.close()
        return self.returncode

    def read_stderr(self, timeout: float) -> str:
        """Wait for its end and return what it wrote to standard error."""
        self.wait(timeout)
        with self._stderr as file:
            file.seek(0)
            return file.read().decode()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class ForkServer:
    """A process that has loaded torch, and from which others are forked."""

    def __init__(self) -> None:
        self._socket, child_socket = socket.socketpair()
        with child_socket:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.kit.forked", str(child_socket.fileno())],
                cwd=ROOT,
                pass_fds=[child_socket.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def start(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stderr: int | None = None,
        ignored: Sequence[int] = (),
    ) -> ForkedProcess:
        """Start Python with these arguments.

        Args:
            arguments: a module and its arguments, or `-c` and a script.
            cwd: its folder.
            env: its environment.
            stderr: a file descriptor; by default a file for `read_stderr`.
            ignored: the signals that it ignores from the start.
        """
        request = {"argv": arguments, "cwd": str(cwd), "env": dict(env), "ignored": ignored}
        stderr_file = tempfile.TemporaryFile()  # noqa: SIM115 - open until its end
        reply, replies = os.pipe()
        handles = [stderr_file.fileno() if stderr is None else stderr, replies]
        socket.send_fds(self._socket, [json.dumps(request).encode()], handles)
        os.close(replies)
        return ForkedProcess(reply, stderr_file)

    def close(self) -> None:
        self._socket.close()  # which ends the process
        self._process.wait(60)


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    if not hasattr(os, "fork"):
        pytest.skip("Windows has no fork")
    server = ForkServer()
    yield server
    server.close()


def _serve(handle: int) -> None:
    """Fork a process for each request, until the socket is closed."""
    for library in LIBRARIES:
        importlib.import_module(library)
    with socket.socket(fileno=handle) as requests:
        while True:
            message, handles, _, _ = socket.recv_fds(requests, _MAX_REQUEST_BYTES, 2)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if not message:
                return
            stderr, replies = handles
            if os.fork() == 0:
                requests.close()
                _fork_and_report(json.loads(message), stderr, replies)
            os.close(stderr)
            os.close(replies)


def _fork_and_report(request: dict[str, Any], stderr: int, replies: int) -> NoReturn:
    if (pid := os.fork()) == 0:
        os.close(replies)
        os.dup2(stderr, 2)
        os.close(stderr)
        _run_request(request)
    os.close(stderr)
    os.write(replies, f"{pid}\n".encode())
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(replies, f"{status}\n".encode())
    os._exit(0)


def _run_request(request: dict[str, Any]) -> NoReturn:
    status: object = None
    try:
        for number in request["ignored"]:
            signal.signal(number, signal.SIG_IGN)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        tempfile.tempdir = None
        sys.argv = request["argv"]
        sys.stderr = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115
        if sys.argv[0] == "-c":
            exec(sys.argv[1], {"__name__": "__main__"})
        else:
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code
    except BaseException:  # noqa: BLE001 - like the interpreter
        traceback.print_exc()
        status = 1
    os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
