"""The commands in the documents are parsed by their programs, or run here."""

import asyncio
import io
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from bot.__main__ import main as bot_main
from engine.__main__ import main as engine_main
from jobs.cli.commands import main as jobs_main
from jobs.queue import JobQueue
from tests.kit.pictures import photograph
from tests.kit.samples import Storage, submit_job
from tests.whole.test_documents import PAGES, ROOT

PYTHON = re.compile(r"(?:\w+=\S+ )*(?:\.venv/bin/)?python3? -m (.+)")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NO_PARSER = {
    "bot.help_command": "takes no arguments; tests/bot/commands/test_help.py tests it",
    "sandbox.monitor_picture": "takes a picture of the owner's page, for minutes",
    "bench.queue_scaling": "takes no arguments, and hours",
    "venv": "Python's own",
    "pip": "installs packages from an index",
}
"""Modules that parse no arguments with `argparse`, and why they are not run here."""
NOT_RUN = {
    "cp": "a shell command",
    "docker": "there is no Docker engine at hand",
    "for": "a loop of the shell around a command of ours",
    "git": "needs the history of this checkout",
}
"""Programs in fenced blocks that are neither ours nor make, and why they are not run."""


def fenced_lines(page: Path, wanted: str = "") -> Iterator[str]:
    """The lines of fenced blocks, or of those in one language; continued lines are joined."""
    for language, block in FENCED.findall(page.read_text(encoding="utf-8")):
        if wanted in {"", language}:
            yield from re.sub(r"\\\n\s*", " ", block).splitlines()


def lines_of(page: Path) -> Iterator[str]:
    """The lines of fenced blocks, and the text in backticks elsewhere."""
    yield from fenced_lines(page)
    yield from re.findall(r"`([^`\n]+)`", FENCED.sub("", page.read_text(encoding="utf-8")))


def commands_of(page: Path) -> Iterator[list[str]]:
    """The commands of `python -m` on a page, in their order: module and arguments.

    A choice (`block|unblock`) gives several commands; optional arguments (`[TEXT]`) are included,
    and repeatable ones (`…`) occur once.
    """
    for line in lines_of(page):
        if (found := PYTHON.match(line.strip())) is None:
            continue
        words = shlex.split(re.sub(r"\s#.*", "", found[1]).replace("…", " "), posix=True)
        words = [re.sub(r"^\[(.*)\]$", r"\1", word) for word in words]
        yield from map(list, itertools.product(*(word.split("|") for word in words)))


def with_required_arguments(command: list[str]) -> list[str]:
    """Add required arguments where a sentence names only the command."""
    missing = {
        ("jobs",): ["list"],
        ("engine", "paint"): ["photo.jpg", "--own-style"],
        ("jobs", "show"): ["1"],
        ("jobs", "backup"): ["FILE"],
        ("jobs", "restore"): ["FILE"],
        ("jobs", "block"): ["1"],
        ("jobs", "unblock"): ["1"],
    }
    return command + missing.get(tuple(command), [])


def all_commands() -> list[list[str]]:
    found = (tuple(with_required_arguments(each)) for page in PAGES for each in commands_of(page))
    return [list(each) for each in dict.fromkeys(found) if each[0] not in NO_PARSER]


def test_each_documented_command_is_parsed_by_its_own_program() -> None:
    commands = all_commands()
    assert len(commands) > 50
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parsed = subprocess.run(
        [sys.executable, Path(__file__).with_name("parse_only.py")],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=300,
        check=False,
    )
    assert parsed.returncode == 0, parsed.stderr
    answers = json.loads(parsed.stdout)
    wrong = {shlex.join(one): error for one, error in zip(commands, answers, strict=True) if error}
    assert not wrong


def test_each_documented_make_target_can_be_made() -> None:
    """A dry run of make prints the commands, with the variables of the target."""
    lines = {line.partition("#")[0].strip() for page in PAGES for line in lines_of(page)}
    targets = sorted(line for line in lines if re.fullmatch(r"make(\s+[\w=./-]+)*", line))
    assert "make demo CONTENT=photo.jpg STYLE=painting.jpg" in targets
    for target in targets:
        dry_run = subprocess.run(
            [*shlex.split(target), "--dry-run", "--always-make"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert dry_run.returncode == 0, dry_run.stderr
        for value in re.findall(r"=(\S+)", target):
            assert value in dry_run.stdout, target


def test_programs_neither_run_nor_parsed_are_listed_with_a_reason() -> None:
    """A new program in a block of shell commands needs a line in `NOT_RUN`."""
    lines = (line for page in PAGES for line in fenced_lines(page, "sh"))
    programs = {line.split()[0] for line in lines if line and not line.startswith("#")}
    assert programs - {"make", "python", ".venv/bin/python"} == set(NOT_RUN)
    modules = {command[0] for page in PAGES for command in commands_of(page)}
    assert modules >= set(NO_PARSER), "each reason is needed"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the pictures that the documents name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DISCORD_TOKEN", "")
    photo = Image.open(io.BytesIO(photograph("coffee.png"))).convert("RGB")
    photo.thumbnail((128, 128))
    for name in ("photo.jpg", "painting.jpg", "a.jpg", "b.jpg"):
        photo.save(name)
    Image.new("L", photo.size, 255).save("mask.png")
    frames = [photo.resize((64, 48)).rotate(3 * number) for number in range(3)]
    frames[0].save("clip.gif", save_all=True, append_images=frames[1:])
    return tmp_path


SMALL_OPTIONS = ("--size", "64", "--iterations", "1", "--scales", "1")
LITE_OPTIONS = ("--network", "lite")
"""Fast to load; one recipe works only with the other network."""


@pytest.mark.slow
def test_documented_paint_commands_produce_a_picture(folder: Path) -> None:
    """Each command with options for a small picture appended, which override earlier ones."""
    painted = 0
    for page in (ROOT / "README.md", ROOT / "docs" / "engine.md", ROOT / "docs" / "moving.md"):
        for module, *arguments in commands_of(page):
            if module != "engine" or "-o" not in arguments:
                continue
            small: tuple[str, ...] = SMALL_OPTIONS if arguments[0] == "paint" else ()
            small += () if "large" in arguments else LITE_OPTIONS
            out = folder / arguments[arguments.index("-o") + 1]
            out.unlink(missing_ok=True)
            assert engine_main([*arguments, *small]) == 0, arguments
            assert out.stat().st_size > 0
            painted += 1
    assert painted > 8


async def create_database(folder: Path) -> None:
    """Create the database, as the first start of the bot does."""
    async with await JobQueue.open(Storage(folder / "data", None).settings()) as queue:
        await submit_job(queue)


def test_documented_owner_commands_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The documented commands of queue and bot, one after the other, in a new folder."""
    with pytest.raises(SystemExit) as ended:
        bot_main(["--version"])
    assert ended.value.code == 0
    assert bot_main(["--check"]) == 2  # reports the missing token
    assert "DISCORD_TOKEN" in capsys.readouterr().out
    asyncio.run(create_database(folder))
    commands = [one[1:] for one in all_commands() if one[0] == "jobs"]
    names = {one[0] for one in commands}
    assert {"backup", "restore", "block", "clear", "list", "pause", "resume", "status"} <= names
    order = ["list", "status", "block", "unblock", "pause", "resume", "clear", "backup"]
    for arguments in sorted(
        commands, key=lambda one: order.index(one[0]) if one[0] in order else 9
    ):
        expected = {1} if arguments[0] == "status" else {0}  # neither bot nor engine is running
        if arguments[0] in {"restore", "restored"}:
            continue  # tests/jobs/db/test_backups.py and test_postgres_backups.py test these
        if arguments[0] == "gc":
            continue  # it asks Discord for the time; tests/jobs/cli/test_gc.py tests it
        file = Path("FILE")
        file.unlink(missing_ok=True)
        assert jobs_main(arguments) in expected, arguments


def test_library_example_of_the_engine_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    small = 'PaintOptions(size_px=64, network="lite", scales=1, iterations=2)'
    assert "PaintOptions(size_px=512)" in program
    monkeypatch.chdir(tmp_path)
    for name, shown in (("photo.jpg", "coffee.png"), ("painting.jpg", "ihc.png")):
        Path(name).write_bytes(photograph(shown))
    exec(program.replace("PaintOptions(size_px=512)", small), {})
    assert capsys.readouterr().out.splitlines()[-1] == "2 of 2"
    assert Image.open("result.png").width == 64
