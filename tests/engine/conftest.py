from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

SHARED = Path(__file__).resolve().parents[2] / "../shared"
CAFFE = SHARED / "weights" / "vgg19-caffe-conv1_1-to-conv3_4.safetensors"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small tensors: threads only cost time here, and the machine may be shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def caffe_file() -> Path:
    if not CAFFE.is_file():
        pytest.skip("the true VGG19's first layers are not here")
    return CAFFE
