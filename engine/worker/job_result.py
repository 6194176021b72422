"""The result of a job: its report, and its picture file with how it was made."""

from dataclasses import replace

from common.catalogue import load_catalogue
from common.options import StyleInput
from common.sentences import Sentence
from common.version import VERSION
from engine.output.pictures import encode_picture
from engine.output.provenance import with_provenance
from engine.painting import Painted
from engine.pipeline.pictures import Pictures
from engine.worker.outcomes import Finished
from engine.worker.progress_reporter import VersionsSoFar
from jobs.model import Job, PaintReport


def finished_job(
    painted: Painted, pictures: Pictures, job: Job, timelapse_note: Sentence | None = None
) -> Finished:
    """A painted picture as the outcome of its job."""
    made = painted.report
    report = PaintReport(
        network=made.network,
        device=made.device,
        precision=made.precision,
        width_px=made.width_px,
        height_px=made.height_px,
        seconds=made.seconds,
        iterations=made.iterations,
        seed=job.options.seed,
        notes=(*pictures.notes, *made.notes, *([timelapse_note] if timelapse_note else [])),
    )
    return Finished(_encoded(painted, job), report)


def merged_versions(parts: list[Finished], versions: VersionsSoFar, job: Job) -> Finished:
    """All versions as one result."""
    last = parts[-1]
    whole = [part.report.whole_seconds or 0.0 for part in parts]
    notes = dict.fromkeys(note for part in parts for note in part.report.notes)
    report = replace(
        last.report,
        seconds=sum(part.report.seconds for part in parts),
        whole_seconds=sum(whole) if all(whole) else 0.0,
        iterations=sum(part.report.iterations for part in parts),
        seed=job.options.seed,
        notes=tuple(notes),
    )
    return Finished(last.picture, report, earlier=tuple(versions.keys[: versions.count - 1]))


def _encoded(painted: Painted, job: Job) -> bytes:
    """The PNG file, with metadata of how it was made and nothing about the member."""
    options, made = job.options, painted.report
    settings = {
        **options.model_dump(exclude_defaults=True),
        **options.model_dump(include={"seed", "size_px", "quality", "strength"}),
        "network": made.network,
        "iterations": made.iterations,
    }
    styles = " and ".join(_style_name(style) for style in job.inputs.styles)
    png = encode_picture(painted.picture, ".png")
    return with_provenance(png, f"Atelier {VERSION}", styles, settings, job.reply.painted_from)


def _style_name(style: StyleInput) -> str:
    painting = load_catalogue().get(style.preset or "")
    if painting is not None:
        return f"{painting.name} by {painting.artist} ({painting.year})"
    return "itself" if style.is_content else "another picture"
