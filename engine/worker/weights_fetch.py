"""Fetch VGG19's weights in the background, so that paintings get better by themselves."""

import logging
import threading

from common.settings import Settings
from engine.networks.encoder import WeightsProblem
from engine.networks.weights import (
    DOWNLOAD_SHA256_START,
    DOWNLOAD_URL,
    download_weights,
    weights_at_hand,
)

log = logging.getLogger(__name__)

RETRY_SECONDS = 3600.0


class WeightsFetch:
    """A thread that tries until the weights are there; paintings go on with `lite` meanwhile.

    It does nothing where `lite` was chosen, or the weights are on the machine.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        url: str = DOWNLOAD_URL,
        sha256_start: str = DOWNLOAD_SHA256_START,
    ) -> None:
        self._settings = settings
        self._url = url
        self._sha256_start = sha256_start
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin, if there is something to fetch."""
        settings = self._settings
        at_hand = weights_at_hand(settings.models_dir, settings.atelier_vgg19_weights)
        if settings.atelier_network != "lite" and at_hand is None:
            # A daemon: an unfinished download leaves nothing behind and must not delay the end.
            threading.Thread(target=self._fetch, name="weights", daemon=True).start()

    def stop(self) -> None:
        """Try no more."""
        self._ended.set()

    def _fetch(self) -> None:
        log.info("fetching VGG19's weights (548 MB, once); until then the lite network paints")
        while not self._ended.is_set():
            try:
                download_weights(
                    self._settings.models_dir, url=self._url, sha256_start=self._sha256_start
                )
            except (WeightsProblem, OSError) as problem:
                log.warning("%s The lite network goes on painting.", problem)
                self._ended.wait(RETRY_SECONDS)
            else:
                log.info("VGG19's weights are there; the next painting uses them")
                return
