"""From an exception to what a member is told, and to whether the environment may be the cause."""

import logging
import uuid

from PIL import UnidentifiedImageError

from common.clips.clip import ClipDamagedError
from common.sentences import Sentence, sentence
from common.store import PictureMissingError, StorageUnavailableError
from engine.errors import OtherWeightsError
from engine.networks.encoder import WeightsError
from engine.output.errors import OutputError
from engine.painting import PaintingFailedError, PaintSettingsError
from engine.styles.presets import StyleMissingError
from engine.worker.job_handle import CHECKPOINT_GONE, OTHER_VERSION, OTHER_WEIGHTS
from engine.worker.outcomes import Failed, IfHealthy, InfrastructureFailure
from jobs.model import Failure, FailureKind, Job

log = logging.getLogger(__name__)


def outcome_of(error: Exception, job: Job) -> Failed | InfrastructureFailure:
    """Turn an exception into an outcome of the job; only unexpected ones are logged."""
    error_id = uuid.uuid4().hex[:8]
    match error:
        case WeightsError() | PaintSettingsError(__cause__=WeightsError()):
            # This engine will soon announce that it lacks them; another may have them.
            reason, if_healthy = str(error), IfHealthy.REQUEUE
            failure = Failure.of(FailureKind.ENGINE, error.sentence, error_id)
        case StyleMissingError() if error.is_trouble_here:
            reason, if_healthy = str(error), IfHealthy.REQUEUE
            failure = Failure.of(FailureKind.ENGINE, error.sentence, error_id)
        case PaintSettingsError() | StyleMissingError():
            is_input = isinstance(error, PaintSettingsError)
            kind = FailureKind.INPUT if is_input else FailureKind.STYLE_MISSING
            return Failed(Failure.of(kind, error.sentence, error_id))
        case PictureMissingError():
            said = sentence(
                "The pictures for this painting are no longer stored; please start it again."
            )
            return Failed(Failure.of(FailureKind.INTERNAL, said, error_id))
        case ClipDamagedError():
            log.error("job %d: error %s: %s", job.id, error_id, error)
            said = sentence(
                "The moving picture for this painting cannot be read; please start it again."
            )
            return Failed(Failure.of(FailureKind.INTERNAL, said, error_id))
        case PaintingFailedError() | OutputError():
            reason, if_healthy = str(error), IfHealthy.FAIL
            failure = Failure.of(FailureKind.ENGINE, error.sentence, error_id)
        case StorageUnavailableError():
            reason, if_healthy = str(error), IfHealthy.REQUEUE
            failure = store_failure(error_id)
        case OSError() if not isinstance(error, UnidentifiedImageError):
            reason, if_healthy = f"{error.strerror or error}.", IfHealthy.REQUEUE
            failure = store_failure(error_id)
        case _:
            log.error("job %d: error %s", job.id, error_id, exc_info=error)
            reason, if_healthy = f"{type(error).__name__}: {error}", IfHealthy.COUNT_ATTEMPT
            said = sentence("Something went wrong while painting; please try again.")
            failure = Failure.of(FailureKind.INTERNAL, said, error_id)
    return InfrastructureFailure(reason, failure, if_healthy)


def note_start_over(job: Job, problem: Exception) -> Sentence:
    """Log why a job cannot resume from its checkpoint; returns the note for the member."""
    if isinstance(problem, PictureMissingError):
        log.warning("job %d: starts over: %s", job.id, problem)
        return CHECKPOINT_GONE
    if isinstance(problem, OtherWeightsError):
        log.warning(
            "job %d: starts over: %s All engines need the same weights, or pictures differ by "
            "engine: compare ATELIER_VGG19_WEIGHTS, and the versions of Atelier.",
            job.id,
            problem,
        )
        return OTHER_WEIGHTS
    log.info("job %d: starts over: %s", job.id, problem)
    return OTHER_VERSION


def store_failure(error_id: str) -> Failure:
    """The failure after files could not be read or written repeatedly."""
    said = sentence("The pictures cannot be read or stored at the moment; please try again.")
    return Failure.of(FailureKind.ENGINE, said, error_id)
