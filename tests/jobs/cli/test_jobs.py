"""Listing, showing, retrying and cancelling jobs."""

import asyncio

import pytest

from jobs.model import Progress
from jobs.queue import JobQueue
from tests.jobs.conftest import run
from tests.kit.samples import Storage, claim_job, delete_for_good, engine_info, submit_job


def test_list_shows_jobs_and_filters_by_state_and_user(storage: Storage) -> None:
    code, text = run("list")
    assert code == 0
    assert [line.split()[1] for line in text.splitlines()[2:5]] == ["queued", "failed", "done"]
    assert "1 waiting, 0 being painted, 0 engines alive." in text
    of_state, of_user = run("list", "--state", "done")[1], run("list", "--user", "2")[1]
    assert ("done" in of_state, "failed" in of_state) == (True, False)
    assert "user 1" in text
    assert ("user 2" in of_user, "user 1" in of_user) == (True, False)
    assert "There is no such job." in run("list", "--user", "77")[1]


@pytest.mark.parametrize(("width", "has_server"), [(80, False), (160, True)])
def test_a_list_fits_its_console(storage: Storage, width: int, has_server: bool) -> None:
    asyncio.run(start_a_job(storage))
    text = run("list", width=width)[1]
    lines = text.splitlines()[:5]
    assert max(map(len, lines)) <= width
    assert [line.split()[0] for line in lines[2:5]] == ["4", "3", "2"]
    assert lines[2].split()[1:3] == ["running", "30%"]
    assert "a name that is quit…" in lines[2]
    assert "~" in lines[2]
    assert ("1234567890123456789" in text) == has_server


def test_wide_list_has_style_and_duration_columns(storage: Storage) -> None:
    lines = run("list", width=200)[1].splitlines()
    assert lines[0].split() == [
        *("id", "state", "place", "user", "size", "queued", "ends"),
        *("style", "waited", "painted", "shown", "server"),
    ]
    (done,) = [line for line in lines if " done " in line]
    assert done.count(" s ") == 2


async def start_a_job(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        await queue.engines.register(engine_info())
        await queue.jobs.cancel(3, 3)
        await submit_job(queue, 4, 1234567890123456789, user_name="a name that is quite long, too")
        await queue.claims.report_progress(await claim_job(queue), Progress(3, 10, 0.3, 600.0))


def test_show_describes_a_job_without_its_token(
    storage: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run("show", "2")
    assert code == 0
    assert "ran out of memory" in text
    assert "claimed" in text
    assert "style starry-night" in text
    assert "256 px, standard" in text
    assert "token" not in text
    assert "expected" not in text
    assert "not known: no engine" in run("show", "3")[1]
    done = run("show", "1")[1]
    assert "256 × 192 px in 12.0 s with lite on cpu" in done
    assert "progress" not in done
    assert run("show", "77")[0] == 1
    assert "There is no job 77." in capsys.readouterr().err


def test_retry_and_cancel_report_success_or_the_reason(
    storage: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("retry", "1")[0] == 1
    assert "Job 1 is done; only failed and cancelled" in capsys.readouterr().err
    assert run("retry", "77")[0] == 1
    assert "There is no job 77." in capsys.readouterr().err
    assert run("retry", "2") == (0, "Job 2 has been queued again.\n")
    assert run("cancel", "2") == (0, "Job 2 was cancelled.\n")
    assert run("cancel", "2") == (0, "Job 2 was already cancelled.\n")
    assert run("cancel", "1")[0] == 1
    assert "Job 1 has already ended: done." in capsys.readouterr().err
    assert run("cancel", "77")[0] == 1
    asyncio.run(delete_pictures(storage))
    assert run("retry", "2")[0] == 1
    assert "its pictures have been deleted" in capsys.readouterr().err


async def delete_pictures(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        await delete_for_good(queue, 2, 2)


def test_erased_job_is_listed_and_shown_as_erased(storage: Storage) -> None:
    asyncio.run(erase_user(storage))
    (row,) = [line for line in run("list", width=200)[1].splitlines() if "(erased)" in line]
    assert "512 standard" not in row  # the defaults, which nobody asked for
    assert "itself" not in row
    code, text = run("show", "1")
    assert code == 0
    assert "the row is deleted a day later" in text
    assert "another version" not in text


async def erase_user(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        await queue.privacy.erase_user(1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "0"),
        ("show", "-1"),
        ("cancel", "abc"),
        ("retry", str(2**63)),
        ("list", "--user", str(10**20)),
        ("list", "--limit", "0"),
    ],
)
def test_invalid_ids_and_limits_are_reported(
    storage: Storage, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(*arguments)
    assert "is not a number of 1 or more" in capsys.readouterr().err
