"""What `python -m jobs` prints: plain tables of jobs, and one job in words."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common.options import PaintInputs, StyleInput
from jobs.model import Job, JobEvent, JobState, PaintReport, QueuePosition

WIDE = 110
"""Minimum width of a console for all columns of a list, in characters."""
_NAME = 20


def list_table(jobs: Iterable[Job], positions: Mapping[int, QueuePosition], *, wide: bool) -> Table:
    """A row for each job. Times of today omit the date; predictions begin with `~`.

    Args:
        jobs: to list.
        positions: their places and predicted times, by job ID.
        wide: whether to add style, seconds waited and painted, server, and time of delivery.
    """
    today = datetime.now(UTC).date()
    columns = ["id", "state", "place", "user", "size", "queued", "ends"]
    table = _table(*columns, *(("style", "waited", "painted", "shown", "server") if wide else ()))
    for job in jobs:
        position = positions.get(job.id)
        ends = _brief(job.ended_at, today)
        if position is not None and job.ended_at is None and position.ready_at is not None:
            ends = f"~{_brief(position.ready_at, today)}"
        place = str(position.place) if position is not None and position.place else ""
        name = job.user_name if job.erased_at is None else "(erased)"
        cells = [
            str(job.id),
            _state(job),
            place,
            escape(name if len(name) <= _NAME else name[: _NAME - 1] + "…"),
            _size(job),
            _brief(job.created_at, today),
            ends,
        ]
        if wide:
            cells += [
                escape(_styles(job)),
                _seconds(job.created_at, job.started_at),
                _seconds(job.started_at, job.ended_at),
                _brief(job.delivered_at, today),
                str(job.guild_id or "private"),
            ]
        table.add_row(*cells)
    return table


def _is_known(job: Job) -> bool:
    """Whether its settings and inputs are what was asked for, not what stands in for lost ones."""
    return job.erased_at is None and job.unreadable is None


def _size(job: Job) -> str:
    """Its size and quality, if they are known."""
    return f"{job.options.size_px} {job.options.quality}" if _is_known(job) else ""


def _styles(job: Job) -> str:
    """Its styles, abbreviated, if they are known."""
    if not _is_known(job):
        return ""
    names = [
        "itself" if style.is_content else style.preset or "own picture"
        for style in job.inputs.styles
    ]
    return ", ".join(names)[:_NAME]


def _seconds(since: datetime | None, until: datetime | None) -> str:
    return "" if since is None or until is None else f"{(until - since).total_seconds():.0f} s"


def job_table(job: Job, position: QueuePosition | None) -> Table:
    """All details of one job."""
    table = _table("", "")
    table.show_header = False
    for name, text in _facts(job, position):
        if text:
            table.add_row(name, escape(text))
    return table


def history_table(history: Iterable[JobEvent]) -> Table:
    """A job's history."""
    table = _table("when (UTC)", "what", "who", "details")
    for event in history:
        details = ", ".join(f"{key}={value}" for key, value in event.details.items())
        table.add_row(_when(event.at), event.kind, event.actor, escape(details))
    return table


def wide_enough(console: Console) -> Console:
    """The console, at least 200 columns wide if it prints to a file or another program."""
    if not console.is_terminal and console.width < 200:
        console.width = 200
    return console


def counted(number: int, noun: str) -> str:
    """Such as `1 job`, `2 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _facts(job: Job, position: QueuePosition | None) -> Iterator[tuple[str, str]]:
    yield "job", str(job.id)
    yield "state", _state(job) + (", to be cancelled" if job.cancel_requested else "")
    if position is not None and position.place:
        yield "place", str(position.place) + (" (paused)" if position.paused else "")
    if position is not None and not job.state.ended:
        yield "expected to end", _when(position.ready_at) or "not known: no engine, or paused"
    if (failed := job.failure) is not None:
        yield "failure", f"{failed.message} ({failed.kind.value}, error {failed.error_id})"
    yield "user", f"{job.user_name} ({job.user_id})".strip()
    yield "server", str(job.guild_id or "private")
    if job.erased_at is not None:
        yield "erased", f"{_when(job.erased_at)}; the row is deleted a day later"
        return
    yield "unreadable", str(job.unreadable or "")
    yield "channel", str(job.channel_id or "")
    yield "message", str(job.reply.message_id or "")
    yield "interaction", str(job.interaction_id)
    yield "remix of", str(job.parent_job_id or "")
    yield "pictures", _inputs(job.inputs)
    options = job.options
    chosen = _chosen(options, {"size_px", "quality"})
    yield "settings", ", ".join([f"{options.size_px} px", options.quality, *chosen])
    if (done := job.progress) is not None and job.state is not JobState.DONE:
        steps = f"{done.fraction:.0%}, {done.iteration} of {done.iterations_total} steps"
        yield "progress", f"{steps}, {done.note}" if done.note else steps
    yield "preview", job.preview_key or ""
    yield "result", job.result_key or ""
    yield "time-lapse", job.timelapse_key or ""
    if (report := job.report) is not None:
        if (clip := report.clip) is not None:
            files = [f"{kind} {key}" for kind, key in clip.files.items()]
            yield "moving", "\n".join([clip.key, *files])
        yield "painted", _report(report)
    yield "predicted", f"{job.predicted_seconds:.0f} s of painting"
    yield "attempts", str(job.attempts)
    yield "queued", _when(job.created_at)
    yield "started", _when(job.started_at)
    yield "ended", _when(job.ended_at)
    yield "shown", _when(job.delivered_at)
    yield "pictures deleted", _when(job.pictures_deleted_at)


def _inputs(inputs: PaintInputs) -> str:
    parts = [f"photograph {inputs.content or 'unknown'}"]
    parts += [_style(style) for style in inputs.styles]
    if inputs.clip is not None:
        clip = inputs.clip
        parts.append(f"clip {clip.picture} ({counted(clip.frames, 'frame')}, {clip.seconds:.1f} s)")
    masks = [("mask", inputs.mask), ("start", inputs.start)]
    masks += [("style mask", key) for key in inputs.style_masks]
    return "\n".join(parts + [f"{name} {key}" for name, key in masks if key])


def _style(style: StyleInput) -> str:
    name = "style itself" if style.is_content else f"style {style.preset or style.picture}"
    chosen = ", ".join(_chosen(style, {"picture", "preset", "is_content"}))
    return f"{name} ({chosen})" if chosen else name


def _chosen(model: BaseModel, leave_out: set[str]) -> list[str]:
    """The options that differ from their defaults."""
    values = model.model_dump(exclude_defaults=True, exclude=leave_out)
    return [f"{name}={value}" for name, value in values.items()]


def _report(report: PaintReport) -> str:
    return (
        f"{report.width_px} × {report.height_px} px in {report.seconds:.1f} s with "
        f"{report.network} on {report.device}, {report.precision}, {report.iterations} "
        f"iterations, seed {report.seed}"
    )


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for number, column in enumerate(columns):
        # Only the last column, which may be long, is wrapped.
        table.add_column(column, overflow="fold", no_wrap=number < len(columns) - 1)
    return table


def _state(job: Job) -> str:
    if job.state is JobState.RUNNING and job.progress is not None:
        return f"running {job.progress.fraction:.0%}"
    return job.state.value


def _when(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _brief(moment: datetime | None, today: object) -> str:
    """The time if it is today, else the date."""
    if moment is None:
        return ""
    here = moment.astimezone(UTC)
    return f"{here:%H:%M}" if here.date() == today else f"{here:%d %b %y}"
