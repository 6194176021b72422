"""The report of a finished painting."""

import torch

from common.options import PaintOptions
from common.sentences import Sentence, sentence
from engine.painting import devices
from engine.painting.events import Report
from engine.painting.picture import Size
from engine.painting.plan import Plan
from engine.painting.run_state import RunState
from engine.painting.tiles import Bands, Tiling

_MIB = 2**20


def make_report(
    options: PaintOptions,
    state: RunState,
    *,
    device: torch.device,
    size: Size,
    tiling: Tiling | Bands | None,
    lacking_bytes: int,
) -> Report:
    """Make the report.

    Args:
        options: of the job.
        state: of the run, at its end.
        device: where it was painted.
        size: of the finished picture.
        tiling: of the last scale.
        lacking_bytes: estimated memory beyond the budget; 0 or less for none.
    """
    plan, log = state.plan, state.log
    log.read()
    notes = [*_optimizers(options, plan), *state.notes]
    if options.pooling not in {None, plan.pooling}:
        notes.append(
            sentence(
                "The {network} network scales down by {pooling} pooling only.",
                network=state.network,
                pooling=plan.pooling,
            )
        )
    if lacking_bytes > 0:
        notes.append(
            sentence(
                "It may have used {size} MiB more memory than allowed, because this size needs "
                "at least that much.",
                size=-(-lacking_bytes // _MIB),
            )
        )
    return Report(
        settings={**options.model_dump(mode="json"), **plan.as_dict()},
        network=state.network,
        weights_hash=state.weights,
        device=str(device),
        precision=devices.precision_name(state.dtype),
        width_px=size[1],
        height_px=size[0],
        seconds=log.seconds,
        iterations=log.iterations,
        seconds_per_iteration=log.seconds / max(1, log.iterations),
        peak_memory_bytes=devices.peak_memory_bytes(device),
        tiles=1 if tiling is None else tiling.count,
        tile_px=tiling.core_px if isinstance(tiling, Tiling) else None,
        notes=tuple(notes),
        losses=tuple(log.losses),
    )


def _optimizers(options: PaintOptions, plan: Plan) -> list[Sentence]:
    left = [max(scale.size) for scale in plan.scales if scale.history is None]
    if options.optimizer != "lbfgs" or not left:
        return []
    return [
        sentence(
            "There was not enough memory for the history of L-BFGS from {size} px on, so Adam "
            "was used there.",
            size=min(left),
        )
    ]
