from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

SHARED = Path(__file__).resolve().parents[2] / "../shared"
CAFFE_WEIGHTS = SHARED / "weights" / "vgg19-caffe-conv1_1-to-conv3_4.safetensors"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Use one thread, as threads slow down work on small tensors."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def caffe_file() -> Path:
    if not CAFFE_WEIGHTS.is_file():
        pytest.skip("the original VGG-19 weights are not available")
    return CAFFE_WEIGHTS
