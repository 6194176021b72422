"""Which network paints a job: the one that is named, else VGG-19, else what members wait for."""

from dataclasses import dataclass

from common.options import PaintOptions, network_for
from common.settings import Settings
from jobs.order.fleet import Fleet


@dataclass(frozen=True, slots=True)
class NetworkChoice:
    """The network of a job."""

    network: str
    instead_of_seconds: float | None = None
    """What the large network would have taken, where the small one paints for that reason alone."""


def choose_network(
    options: PaintOptions, settings: Settings, fleet: Fleet, speed_class: str, work: float
) -> NetworkChoice:
    """The network of a job that enters the queue now; it is chosen once, for whichever engine.

    Where none is named and the large one would take the fastest engine longer than the operator's
    minutes, it is the small one.
    """
    usual = network_for(options, settings.atelier_network)
    quick = network_for(options, settings.atelier_network, quick=True)
    most = settings.atelier_vgg19_minutes * 60
    if quick == usual or not most or not fleet.paints(quick):
        return NetworkChoice(usual)
    seconds = fleet.least_seconds(speed_class, work, usual)
    is_quick = seconds is not None and seconds > most
    return NetworkChoice(quick, seconds) if is_quick else NetworkChoice(usual)
