"""Make the data folder of a 0.1.0 whose machine lost power; runs with that release's own code.

    python make_0_1_0.py FOLDER      with that release's folder as the working directory

One job is done, one failed, one cancelled, two wait, one command has just been acknowledged, and one
job is half painted: its engine exits once it has saved a checkpoint. Prints the numbers of the jobs
as JSON.
"""

import asyncio
import io
import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, os.getcwd())

import skimage
from PIL import Image

from engine.worker import service, sitting
from engine.worker.painter import JobPainter
from jobs.model import EngineInfo, Failure, FailureKind, MessageTarget, Submission
from jobs.options import PaintInputs, PaintOptions, StyleInput
from jobs.queue import JobQueue
from jobs.settings import load_settings

ENGINE = EngineInfo("old-engine", "old", "cpu", "lite", "0.1.0", 1)


def photograph(name):
    with Image.open(Path(skimage.__file__).parent / "data" / name) as image:
        small = image.convert("RGB")
        small.thumbnail((160, 160))
        buffer = io.BytesIO()
        small.save(buffer, "PNG")
    return buffer.getvalue()


async def main(folder):
    settings = load_settings(
        _env_file=None, atelier_data_dir=folder, atelier_network="lite", atelier_device="cpu"
    )
    async with await JobQueue.open(settings) as queue:
        content = await queue.store.put(photograph("coffee.png"), ".png")
        style = await queue.store.put(photograph("astronaut.png"), ".png")

        async def post(number, **options):
            target = MessageTarget(
                application_id=1,
                interaction_id=number,
                interaction_token="token",
                token_expires_at=datetime.now(UTC) + timedelta(minutes=15),
                channel_id=77,
            )
            outcome = await queue.submit(
                Submission(
                    interaction_id=number,
                    user_id=number,
                    user_name=f"user {number}",
                    inputs=PaintInputs(content=content, styles=(StyleInput(picture=style),)),
                    options=PaintOptions(**{"size_px": 64, "quality": "draft", **options}),
                    target=target,
                    guild_id=5,
                    channel_id=77,
                )
            )
            return outcome.job.id

        await queue.register_engine(ENGINE)
        known = {"done": await post(1)}
        claim = await queue.claim(ENGINE.id)
        painter, control = JobPainter(settings), service.Control()
        painted = await asyncio.to_thread(painter.paint, claim.job, None, queue.store, control)
        key = (
            await queue.store.put(painted.picture, ".png") if hasattr(painted, "picture") else None
        )
        await queue.finish(claim, key or painted.result_key, painted.report)
        known["failed"] = await post(2)
        failure = Failure(FailureKind.INPUT, "That is no picture.", "e-1")
        await queue.fail(await queue.claim(ENGINE.id), failure)
        known["cancelled"] = await post(3)
        await queue.remove(known["cancelled"])
        known["half_painted"] = await post(4, size_px=96, iterations=40)
        known["waiting"] = [await post(5), await post(6, keep_colors="luminance")]
        await queue.open_intake(7, 7, {"of": "0.1.0"})
        print(json.dumps(known), flush=True)

        sitting.CHECKPOINT_SECONDS = 0.05
        stepped = sitting.Sitting._stepped

        def slowly_stepped(self, event):
            stepped(self, event)
            time.sleep(0.1)  # a fast machine would have painted it before a checkpoint is saved

        sitting.Sitting._stepped = slowly_stepped
        save_checkpoint = queue.save_checkpoint

        async def save_checkpoint_and_exit(claim, key):
            outcome = await save_checkpoint(claim, key)
            if claim.job.id == known["half_painted"]:
                os._exit(0)  # as at a power cut
            return outcome

        JobQueue.save_checkpoint = staticmethod(save_checkpoint_and_exit)
        await queue.forget_engine(ENGINE.id)
        await service.EngineWorker(queue, painter, ENGINE).run(asyncio.Event())


asyncio.run(main(Path(sys.argv[1])))
