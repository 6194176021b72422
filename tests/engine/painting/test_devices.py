"""Choosing the device, precision and memory limit by setting or automatically."""

import pytest
import torch

from engine.painting import PaintSettingsError, devices
from engine.painting.devices import (
    choose_device,
    choose_dtype,
    has_code_for,
    is_out_of_memory,
    parse_allowance,
)

CPU, GPU = torch.device("cpu"), torch.device("cuda", 1)
MIB = 2**20


@pytest.fixture
def _two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_80", "sm_86", "sm_120"])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _card: (8, 9))


@pytest.mark.usefixtures("_two_gpus")
def test_card_is_chosen_by_number_and_defaults_to_the_first() -> None:
    names = ("auto", "cuda", "cuda:0", "cuda:1", "cpu")
    assert [str(choose_device(name)) for name in names] == [*["cuda:0"] * 3, "cuda:1", "cpu"]
    for name in ("cuda:2", "cuda:-1", "cuda:x", ""):
        with pytest.raises(PaintSettingsError, match="auto, cpu, cuda:0, cuda:1"):
            choose_device(name)


@pytest.mark.usefixtures("_two_gpus")
def test_card_that_torch_has_no_code_for_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch lists such a GPU, but every operation on it fails."""
    capabilities = [(6, 1), (7, 5)]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda card: capabilities[card.index])
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _card: "GTX 1080")
    assert str(choose_device("auto")) == "cuda:1"
    with pytest.raises(PaintSettingsError, match=r"no code for cuda \(GTX 1080, .* 6\.1\)"):
        choose_device("cuda")
    capabilities[1] = (7, 0)
    assert str(choose_device("auto")) == "cpu"
    for architectures, capability, has_code in (
        (["sm_90", "compute_90"], (12, 0), True),  # PTX, which the driver compiles
        (["sm_90"], (12, 0), False),
        (["sm_90a"], (9, 0), True),
        (["sm_100", "sm_120"], (12, 1), True),
        (["gfx1100"], (11, 0), True),  # AMD
        ([], (5, 0), True),
    ):
        monkeypatch.setattr(
            torch.cuda, "get_arch_list", lambda architectures=architectures: architectures
        )
        monkeypatch.setattr(
            torch.cuda, "get_device_capability", lambda _card, capability=capability: capability
        )
        assert has_code_for(GPU) is has_code, (architectures, capability)


@pytest.mark.usefixtures("_two_gpus")
def test_cards_that_torch_cannot_reach_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raise_cuda_error(_card: torch.device) -> tuple[int, int]:
        raise RuntimeError("CUDA unknown error - this may be due to an incorrectly set up\nmore")

    monkeypatch.setattr(torch.cuda, "get_device_capability", raise_cuda_error)
    assert str(choose_device("auto")) == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # like with an old driver
    with pytest.raises(PaintSettingsError, match="auto, cpu"):
        choose_device("cuda")


def test_named_card_whose_driver_fails_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "driver_problem", lambda: "NVIDIA's driver does not work here.")
    with pytest.raises(PaintSettingsError, match=r"not work here\. Until then"):
        choose_device("cuda:1")
    with pytest.raises(PaintSettingsError, match="no device 'tpu'"):
        choose_device("tpu")


def test_auto_precision_depends_on_the_chosen_card(monkeypatch: pytest.MonkeyPatch) -> None:
    capabilities = [(8, 6), (7, 5)]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda card: capabilities[card.index])
    found = [choose_dtype("auto", torch.device("cuda", number)) for number in (0, 1)]
    assert found == [torch.bfloat16, torch.float32]


@pytest.mark.parametrize("feature", ["avx512_bf16", "amx_bf16", "avx2"])
def test_auto_precision_is_bf16_on_processors_with_bf16_support(
    feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {feature: True})
    found = {name: choose_dtype(name, CPU) for name in ("auto", "fp32", "bf16")}
    auto = torch.float32 if feature == "avx2" else torch.bfloat16
    assert found == {"auto": auto, "fp32": torch.float32, "bf16": torch.bfloat16}
    with pytest.raises(PaintSettingsError, match="fp16"):
        choose_dtype("fp16", CPU)


def test_cpu_allowance_excludes_memory_the_process_already_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Held memory is rounded up, so that repeated paintings get the same tiles."""
    for resident, allowance in ((300, 1024 - 320), (320, 1024 - 320), (321, 1024 - 384)):
        monkeypatch.setattr(devices, "resident_bytes", lambda held=resident: held * MIB)
        assert parse_allowance("1GiB", CPU) == allowance * MIB
        assert parse_allowance("1GiB", GPU) == 1024 * MIB
        assert parse_allowance("200MiB", CPU) == 1, "0 would mean no limit"


def test_only_memory_errors_count_as_out_of_memory() -> None:
    assert is_out_of_memory(MemoryError(), CPU)
    assert not is_out_of_memory(ValueError("A file says: out of memory"), CPU)
