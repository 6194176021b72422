"""The small print below a picture: its settings, how it was made, notes."""

from dataclasses import dataclass
from itertools import accumulate

from bot.texts import Texts, _
from bot.ui.default_words import KEPT_COLORS
from bot.ui.words import QUALITIES, count_words, plain_line, styles_words
from common.catalogue.painting import MEASURED_ON
from common.options import STRONGEST_VARIANT, PaintOptions
from common.sentences import Sentence
from jobs.model import Job

NOTE_LIMIT = 300  # characters
NOTES_LIMIT = 2400  # all together; a message holds 4000
STARTS = {
    "grey": _("started from grey"),
    "noise": _("started from noise"),
    "style": _("started from the style"),
    "file": _("started from a picture"),
}


@dataclass(frozen=True)
class Attached:
    """A file shown by a card, with further ones after it."""

    data: bytes
    filename: str
    note: str | None = None  # what had to be done to fit the upload limit
    more: "tuple[Attached, ...]" = ()
    place: int = 0
    """Its version's index, from 0."""

    @property
    def all(self) -> "tuple[Attached, ...]":
        """All files, in order."""
        return (self, *self.more)


def small_print(t: Texts, job: Job, attached: Attached) -> str:
    """The text below a finished picture; *Details* has the rest."""
    lines = [f"{settings_line(t, job)} · #{job.id}", *network_words(t, job), *notes(t, job)]
    if attached.note:
        lines.append(attached.note)
    return "\n".join(f"-# {line}" for line in lines)


def settings_line(t: Texts, job: Job) -> str:
    """The settings of a job in one line."""
    options, report = job.options, job.report
    size = f"{options.size_px} px"
    if report and (options.variants == 1 or options.vary != "photo"):  # photographs differ in size
        size = f"{report.width_px} × {report.height_px} px"
    parts = [
        *count_words(t, job),
        styles_words(t, job),
        size,
        t(QUALITIES[options.quality]),
        _strength(t, options),
    ]
    if (clip := job.inputs.clip) is not None:
        said = t("{count} frames, {seconds:.1f} s", count=clip.frames, seconds=clip.seconds)
        parts.insert(-2, said)
    if options.style_scale != 1.0:
        parts.append(t("strokes × {scale}", scale=t.number(options.style_scale, "g")))
    if options.keep_colors != "no":
        parts.append(t(KEPT_COLORS[options.keep_colors]))
    if options.start in STARTS:
        parts.append(t(STARTS[options.start]))
    return plain_line(" · ".join(parts), limit=600)


def network_words(t: Texts, job: Job) -> list[str]:
    """Why the small network was used although nobody asked for it."""
    if job.instead_of_seconds is None:
        return []
    time = duration(t, job.instead_of_seconds)
    return [
        t.plural(
            "Painted by the small, quick network, because the large one would take {time} here.",
            "Painted by the small, quick network, because the large one would take {time} here.",
            count=job.options.variants,
            time=time,
        )
    ]


def _strength(t: Texts, options: PaintOptions) -> str:
    if options.variants > 1 and options.vary == "strength":
        return t(
            "strength {softest} to {strongest}",
            softest=t.percent(options.softest),
            strongest=t.percent(STRONGEST_VARIANT),
        )
    return t("strength {percent}", percent=t.percent(options.strength))


def details(t: Texts, job: Job, parent_link: str | None = None) -> list[str]:
    """How a picture was made, in lines: settings, seed, network and more.

    Args:
        t: The reader's language.
        job: The job that painted it.
        parent_link: The URL of the picture that it was remixed from, if the reader may go there.
    """
    report, options = job.report, job.options
    seed = report.seed if report else options.seed
    lines = [f"**#{job.id}** · {settings_line(t, job)}", t("seed {seed}", seed=seed)]
    if options.variants > 1 and options.vary == "seed":
        lines[-1] = t("seeds {first} to {last}", first=seed, last=seed + options.variants - 1)
    if job.parent_job_id is not None:
        said = t("based on #{job_id}", job_id=job.parent_job_id)
        lines.append(said if parent_link is None else f"{said}: {parent_link}")
    if report is not None:
        said = t.plural(
            "{network} on {device} · {count} iteration · {time}",
            "{network} on {device} · {count} iterations · {time}",
            count=report.iterations,
            network=report.network,
            device=report.device,
            time=duration(t, report.seconds),
        )
        lines.append(plain_line(said, limit=300))
    measured = [plain_line(t.say(note), NOTE_LIMIT) for note in _notes_of(job) if _is_detail(note)]
    return [*lines, *network_words(t, job), *dict.fromkeys(measured)]


def _notes_of(job: Job) -> tuple[Sentence, ...]:
    return (*job.reply.notes, *(job.report.notes if job.report else ()))


def _is_detail(note: Sentence) -> bool:
    """Whether a note is only for *Details*."""
    return note.template in {one.template for one in MEASURED_ON.values()}


def notes(t: Texts, job: Job) -> list[str]:
    """What differs from the request: notes on the attached pictures, and on the painting."""
    found = [t.say(note) for note in _notes_of(job) if not _is_detail(note)]
    once = list(dict.fromkeys(plain_line(note, NOTE_LIMIT) for note in found))
    lengths = accumulate(len(note) for note in once)
    return [note for note, length in zip(once, lengths, strict=True) if length <= NOTES_LIMIT]


LONG_SECONDS = 90.0
"""A duration from here on is told in minutes."""


def duration(t: Texts, seconds: float) -> str:
    """A duration in words."""
    if seconds < LONG_SECONDS:
        return t("{seconds} s", seconds=max(1, round(seconds)))
    return t("{minutes} min", minutes=round(seconds / 60))
