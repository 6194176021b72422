"""An engine with a thread that never ends is ended after a time limit."""

import os
from pathlib import Path

import pytest

from common.settings import Settings
from tests.engine.test_processes import ROOT
from tests.kit.forked import ForkServer

STUCK = """
import asyncio, os, signal, sys, threading
from engine.worker import main as program

async def run(worker, stop):
    threading.Thread(target=threading.Event().wait, name="stuck").start()
    {ending}

program.LEAVE_SECONDS = program.LAST_SECONDS = 0.2
program.EngineWorker.run = run
status = program.main([])
threading._shutdown()  # waits for all threads, as Python does at its end and this process does not
sys.exit(status)
"""
STOPPED_BY_SIGNAL = "os.kill(os.getpid(), signal.SIGTERM); await stop.wait()"
STOPPED_BY_TROUBLE = "raise program.EngineInTroubleError('The device hangs.')"


@pytest.mark.parametrize(
    ("ending", "status"),
    [(STOPPED_BY_SIGNAL, 0), (STOPPED_BY_TROUBLE, 3)],
    ids=["stopped", "in trouble"],
)
def test_engine_with_a_stuck_thread_is_ended_after_a_limit(
    ending: str, status: int, settings: Settings, tmp_path: Path, fork_server: ForkServer
) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ATELIER_DATA_DIR": str(settings.atelier_data_dir),
        "ATELIER_NETWORK": "lite",
        "ATELIER_DEVICE": "cpu",
    }
    process = fork_server.start(["-c", STUCK.format(ending=ending)], cwd=tmp_path, env=environment)
    try:
        stderr = process.read_stderr(timeout=30)
    finally:
        if process.poll() is None:
            os.kill(process.pid, 9)
    assert process.returncode == status, stderr
    assert "did not end within" in stderr
    assert "stuck" in stderr
