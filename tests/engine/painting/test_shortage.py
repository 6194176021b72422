"""If memory is short, the optimizer continues with a smaller history or with Adam."""

import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from engine.painting import PaintingFailedError, Recovered, Stepped, paint
from engine.painting.devices import is_out_of_memory
from tests.kit.thin_vgg19 import (
    STYLE,
    noise_picture,
    paint_and_collect,
    quick_options,
    step_events,
    thin_studio,
)

CONTENT = noise_picture(48, 64)
ROW_BYTES = 3 * 48 * 64 * 4
HISTORY_BYTES = 10 * ROW_BYTES
"""Size of each of the two history tensors of L-BFGS at the last scale."""


class SmallDevice(TorchFunctionMode):
    """Raises out of memory for large tensors of zeros, and for a third one of similar size."""

    def __init__(self, max_tensor_bytes: int, fail_at: int = 0) -> None:
        super().__init__()
        self.max_tensor_bytes = max_tensor_bytes
        """The largest tensor of zeros that fits."""
        self.fail_at = fail_at
        """The call of `solve_triangular`, counted from 1, that runs out of memory; an update of
        L-BFGS has two calls.
        """
        self._large: list[weakref.ref[Tensor]] = []
        self._solve_count = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        if func is torch.zeros:
            size = found.numel() * found.element_size()
            self._large = [one for one in self._large if one() is not None]
            if size > self.max_tensor_bytes or (
                size > self.max_tensor_bytes // 2 and len(self._large) == 2
            ):
                raise torch.OutOfMemoryError("CUDA out of memory.")
            if size > self.max_tensor_bytes // 2:
                self._large.append(weakref.ref(found))
        if func is torch.linalg.solve_triangular:
            self._solve_count += 1
            if self._solve_count == self.fail_at:
                raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublas")
        return found


@pytest.mark.parametrize(
    ("max_tensor_bytes", "history", "note_text"),
    [
        (HISTORY_BYTES // 2, {"pairs": 10, "narrow": True}, "L-BFGS remembered less"),
        (HISTORY_BYTES // 4, {"pairs": 5, "narrow": True}, "L-BFGS remembered less"),
        (HISTORY_BYTES // 8, None, "Adam was used"),
    ],
)
def test_history_too_large_for_the_device_is_reduced(
    max_tensor_bytes: int, history: dict[str, object] | None, note_text: str
) -> None:
    options = quick_options(iterations=11)
    with SmallDevice(max_tensor_bytes):
        painted, events = paint_and_collect(options, thin_studio(), content=CONTENT)
    scales = painted.report.settings["scales"]
    assert scales[-1]["history"] == history
    assert any(note_text in str(note) for note in painted.report.notes)
    assert len(step_events(events)) == 22


def test_out_of_memory_in_an_update_recovers_with_less_history() -> None:
    options = quick_options(scales=1, iterations=14)
    with SmallDevice(HISTORY_BYTES, fail_at=25):
        painted, events = paint_and_collect(options, thin_studio(), content=CONTENT)
    (recovered,) = [event for event in events if isinstance(event, Recovered)]
    assert "L-BFGS remembered less" in str(recovered.reason)
    assert painted.report.settings["scales"][0]["history"] == {"pairs": 10, "narrow": True}
    assert [one.iteration for one in painted.report.losses] == list(range(1, 15))


def test_painting_that_fell_back_to_adam_resumes_with_adam() -> None:
    options = quick_options(scales=1, iterations=11)
    saved = b""
    with SmallDevice(HISTORY_BYTES // 8):
        for event in paint(CONTENT, [STYLE], options, studio=thin_studio()):
            if isinstance(event, Stepped) and event.iteration == 2:
                saved = event.checkpoint()
    resumed, rest = paint_and_collect(options, thin_studio(), content=CONTENT, resume=saved)
    assert resumed.report.settings["optimizer"] == "adam"
    assert len(step_events(rest)) == 9


def test_no_memory_even_for_adam_fails_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def zeros_like(_: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch, "zeros_like", zeros_like)
    options = quick_options(scales=1, iterations=2, optimizer="adam")
    with pytest.raises(PaintingFailedError, match="not enough memory"):
        paint_and_collect(options, thin_studio(), content=CONTENT)


def test_memory_errors_of_libraries_count_as_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = torch.device("cuda", 0)
    for text in (
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "std::bad_alloc",
    ):
        assert is_out_of_memory(RuntimeError(text), gpu)
    assert not is_out_of_memory(RuntimeError("CUDNN_STATUS_NOT_SUPPORTED"), gpu)
    # These two errors have other causes, too, so that the free memory decides.
    for text in (
        "GET was unable to find an engine to execute this computation",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    ):
        for free, is_memory in ((1, True), (7, False)):
            monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _card, free=free: (free, 8))
            assert is_out_of_memory(RuntimeError(text), gpu) is is_memory
        assert not is_out_of_memory(RuntimeError(text), torch.device("cpu"))
