"""Chooses a job's network: the requested one, else VGG-19, else `lite` if VGG-19 is too slow."""

from dataclasses import dataclass

from common.options import PaintOptions, network_for
from common.settings import Settings
from jobs.scheduling.fleet import Fleet


@dataclass(frozen=True, slots=True)
class NetworkChoice:
    """The network of a job."""

    network: str
    instead_of_seconds: float | None = None
    """Predicted seconds of VGG-19, if `lite` was chosen only because that is too long."""


def choose_network(
    options: PaintOptions, settings: Settings, fleet: Fleet, speed_class: str, work: float
) -> NetworkChoice:
    """The network of a new job. It is chosen once and holds for every engine.

    If none is requested and VGG-19 would take the fastest engine longer than the operator's
    maximum, `lite` is chosen.
    """
    usual = network_for(options, settings.atelier_network)
    quick = network_for(options, settings.atelier_network, quick=True)
    most = settings.atelier_vgg19_minutes * 60
    if quick == usual or not most or not fleet.paints(quick):
        return NetworkChoice(usual)
    seconds = fleet.least_seconds(speed_class, work, usual)
    is_quick = seconds is not None and seconds > most
    return NetworkChoice(quick, seconds) if is_quick else NetworkChoice(usual)
