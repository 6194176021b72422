"""Links, modules and make targets in the documents exist."""

import re
from pathlib import Path

import discord
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("findings/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
LINK_TO_PART = re.compile(r"\]\(([^)#\s]*)(#[^)\s]+)\)")
MODULE = re.compile(r"python -m ((?:bot|engine|jobs|sandbox|tools|bench)(?:\.\w+)*)")
TARGET = re.compile(r"`?\bmake (\w+)")
PROGRAM_FILE = re.compile(r"`([\w./{},]+\.(?:py|toml|js))`")
FOLDERS = ("bot", "common", "engine", "jobs", "sandbox", "tests", "tools", "bench")
FILES = [
    "/pyproject.toml",
    *(
        f"/{path.relative_to(ROOT).as_posix()}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.*")
    ),
]
EXAMPLES = {"bot/commands/about.py", "engine/painting/terms/outside.py", "engine/networks/tiny.py"}
"""Files that `contributing.md` tells readers to write."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_point_to_existing_files(page: Path) -> None:
    links = [found[0] for found in LINK.findall(page.read_text(encoding="utf-8"))]
    missing = [
        link
        for link in links
        if not link.startswith(("http://", "https://", "mailto:"))
        and not (page.parent / link).exists()
    ]
    assert not missing


def anchors_of(page: Path) -> set[str]:
    """The anchors of the headings of a page."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_anchor_links_point_to_existing_headings(page: Path) -> None:
    missing = [
        link + part
        for link, part in LINK_TO_PART.findall(page.read_text(encoding="utf-8"))
        if ":" not in link and part[1:] not in anchors_of(page.parent / link if link else page)
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_modules_named_in_commands_exist(page: Path) -> None:
    for name in MODULE.findall(page.read_text(encoding="utf-8")):
        path = ROOT / Path(*name.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mentioned_make_targets_exist(page: Path) -> None:
    rules = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = " ".join(re.findall(r"```.*?```|`[^`\n]+`", page.read_text(encoding="utf-8"), re.DOTALL))
    assert set(TARGET.findall(code)) <= rules


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mentioned_files_of_the_program_exist(page: Path) -> None:
    names = [
        before + name + after
        for cited in PROGRAM_FILE.findall(page.read_text(encoding="utf-8"))
        for before, names, after in re.findall(r"^([^{]*)\{?([^}]*)\}?(.*)$", cited)
        for name in (names.split(",") if "{" in cited else [names])
    ]
    missing = [
        name
        for name in names
        if name not in EXAMPLES and not any(path.endswith(f"/{name}") for path in FILES)
    ]
    assert not missing


def test_invitation_permissions_match_the_listed_names() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (number, words) = re.findall(r"&permissions=(\d+)`\s+\(([^)]+)\)", text)[0]
    names = [one.strip().replace(" ", "_") for one in words.split(",")]
    permissions = discord.Permissions(**dict.fromkeys(names, True))
    assert permissions.value == int(number)
    assert permissions.send_messages_in_threads, "messages in threads need their own permission"
