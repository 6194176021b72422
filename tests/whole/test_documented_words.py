"""Names of buttons, commands, options and settings in the documents exist in the program."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from bot.app.features import build_client
from bot.commands.help import leaves
from bot.locales.update import read
from bot.texts import LOCALES_DIR
from common.options import OPTIONS
from common.settings import Settings
from tests.whole.test_documents import PAGES, ROOT
from tools.lite.train import Training

USERS_PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("admins", "members", "owners", "security")),
    *(ROOT / "docs" / f"{name}.md" for name in ("moving", "queue")),
]
FOREIGN_TERMS = {
    *("Attach Files", "Embed Links", "Read Message History", "Send Messages", "View Channel"),
    *("Add App", "Guild Install", "User Install", "Reset Token", "Send Messages in Threads"),
    "Server Settings → Integrations",
    "Report a vulnerability",  # GitHub's
    "Start-time Fair Queueing",  # a paper's
}
"""Text in italics that is not from the bot."""
NOT_COMMANDS = {"/metrics", "/healthz", "/sandbox/events", "/sandbox/act/…"}
EXAMPLES = {"contributing.md"}
"""Pages with examples of commands that do not exist."""
PACKAGES = ("bench", "bot", "engine", "jobs", "sandbox", "tools")
ITALIC = re.compile(r"(?<![*\w`])\*(?!\*)([A-Z][^*`\n]*)(?<!\s)\*(?![*\w])")


def sentences() -> list[str]:
    """All English texts of the bot, with each plural form."""
    ids = [message.id for message in read(LOCALES_DIR / "de" / "atelier.po", "de") if message.id]
    return [each for one in ids for each in ((one,) if isinstance(one, str) else one)]


def is_text_of_bot(words: str, texts: list[str]) -> bool:
    """Whether this is a text of the bot with some values, or a label up to its first value."""
    for each in texts:
        parts = re.split(r"\{[^}]*\}", each)
        pattern = ".+".join(map(re.escape, parts))
        label = re.split(r"\{| \(", each)[0].rstrip()
        if words in (each, label) or (parts[0] and re.fullmatch(pattern, words)):
            return True
    return False


@pytest.mark.parametrize("page", USERS_PAGES, ids=lambda page: page.name)
def test_cited_buttons_and_sentences_exist_in_the_bot(page: Path) -> None:
    texts = sentences()
    cited = set(ITALIC.findall(page.read_text(encoding="utf-8"))) - FOREIGN_TERMS
    assert [words for words in sorted(cited) if not is_text_of_bot(words, texts)] == []


def test_citation_matching_accepts_only_existing_words() -> None:
    texts = sentences()
    assert is_text_of_bot("Try 5 styles", texts)
    assert is_text_of_bot("Choose", texts)
    assert not is_text_of_bot("Send to DMs", texts)
    assert "Save to DMs" in ITALIC.findall((ROOT / "docs" / "members.md").read_text("utf-8"))


def commands_in(page: Path) -> Iterator[list[str]]:
    for typed in re.findall(r"`(/[a-z][^`\n]*)`", page.read_text(encoding="utf-8")):
        if typed not in NOT_COMMANDS:
            yield typed.removeprefix("/").split()


def test_cited_commands_have_the_cited_options() -> None:
    commands = {each.qualified_name: each for each in leaves(build_client(_settings()).tree)}
    groups = {name.split()[0] for name in commands if " " in name}
    wrong, checked = [], 0
    for page in PAGES:
        for words in commands_in(page):
            if page.name in {*EXAMPLES, "CHANGELOG.md"}:
                continue
            checked += 1
            name = next((n for n in (" ".join(words[:2]), words[0]) if n in commands), None)
            if name is None:
                wrong += [] if len(words) == 1 and words[0] in groups else [(page.name, words)]
                continue
            options = {one.display_name for one in commands[name].parameters}
            arguments = words[len(name.split()) :]
            # After `lasts:3`, the next word `days` belongs to the value.
            first = next((n for n, word in enumerate(arguments) if ":" in word), len(arguments))
            named = [*arguments[:first], *(word for word in arguments[first:] if ":" in word)]
            if not {word.partition(":")[0] for word in named} <= options:
                wrong.append((page.name, words))
    assert wrong == []
    assert checked > 50


def _settings() -> Settings:
    return Settings(_env_file=None)


def test_cited_variables_are_settings() -> None:
    pages = [page for page in PAGES if page.name != "CHANGELOG.md"]  # which also names wrong ones
    files = [*pages, *ROOT.glob("compose*.yaml"), ROOT / "deploy" / "atelier.service"]
    known = {name.upper() for name in Settings.model_fields} | {"ATELIER_CONTAINER_MEMORY"}
    for file in files:
        named = set(re.findall(r"\b(?:ATELIER|DISCORD)_[A-Z0-9_]+\b", file.read_text("utf-8")))
        assert named <= known, file.name


def test_flags_cited_alone_exist() -> None:
    """Flags within whole commands are tested in `test_documented_commands`."""
    code = "".join(
        path.read_text(encoding="utf-8")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    )
    known = set(re.findall(r"[\"'](--[a-z][\w-]*)[\"']", code))
    named = [*OPTIONS, *(field.name for field in fields(Training))]
    known |= {f"--{name.replace('_', '-')}" for name in named} | {"--help"}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for typed in re.findall(r"`(--[a-z][^`\n]*)`", text):
            assert {word for word in typed.split() if word.startswith("--")} <= known, page.name


def test_documents_use_the_programs_spelling() -> None:
    """Members and owners search for the words that they see."""
    for page in [*USERS_PAGES, ROOT / "CHANGELOG.md", ROOT / "docs" / "commands.md"]:
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r"\b[Cc]anceled\b|\b[Cc]olours?\b", text), page.name
    assert not [each for each in sentences() if re.search(r"canceled|colour", each, re.IGNORECASE)]
