"""VGG19's weights come in the background; until then, and without network, lite paints."""

import hashlib
import http.server
import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from common.settings import load_settings
from engine.networks.vgg19 import CONVOLUTIONS
from engine.worker.painter import JobPainter
from engine.worker.weights_fetch import WeightsFetch


def state_dict() -> bytes:
    """As torchvision's file, but with one channel between convolutions."""
    tensors = {"classifier.0.weight": torch.zeros(3)}
    for number, convolution in enumerate(CONVOLUTIONS):
        tensors[f"{convolution.key}.weight"] = torch.zeros(1, 1 if number else 3, 3, 3)
        tensors[f"{convolution.key}.bias"] = torch.zeros(1)
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    return buffer.getvalue()


@contextmanager
def served(data: bytes) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/vgg19.pth"
    finally:
        server.shutdown()
        server.server_close()


def test_jobs_use_vgg19_as_soon_as_its_weights_have_come(tmp_path: Path) -> None:
    settings = load_settings(_env_file=None, atelier_data_dir=tmp_path, atelier_device="cpu")
    painter = JobPainter(settings)
    assert painter.network_name() == "lite"
    data = state_dict()
    with served(data) as url:
        digest = hashlib.sha256(data).hexdigest()
        WeightsFetch(settings, url=url, sha256_start=digest[:8]).start()
        end = time.monotonic() + 60
        while painter.network_name() != "vgg19" and time.monotonic() < end:
            time.sleep(0.05)
    assert painter.network_name() == "vgg19"


def test_without_network_lite_goes_on_painting(tmp_path: Path) -> None:
    settings = load_settings(_env_file=None, atelier_data_dir=tmp_path, atelier_device="cpu")
    fetch = WeightsFetch(settings, url="http://127.0.0.1:9/nothing-listens-here")
    fetch.start()
    time.sleep(0.3)
    fetch.stop()
    assert JobPainter(settings).network_name() == "lite"
