"""How many threads paint a scale, and how long those of OpenMP spin."""

from dataclasses import replace

import pytest
import torch

from engine import threads
from engine.painting import PaintingStoppedError, Stepped, Studio, paint
from engine.painting.statistics import MemoryStatistics, StyleStatistics
from engine.painting.studio import Control
from engine.threads import threads_for, wait_briefly
from tests.kit.thin_vgg19 import STYLE, noise_picture, quick_options, thin_studio

LITE_LAYERS = ["form1_2", "form5_1"]


@pytest.mark.parametrize(
    ("variables", "spin_count"),
    [({}, "300"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_threads_spin_briefly_unless_the_environment_says_otherwise(
    variables: dict[str, str], spin_count: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = dict(variables)
    monkeypatch.setattr("os.environ", environment)
    wait_briefly()
    assert environment.get("GOMP_SPINCOUNT") == spin_count


@pytest.mark.parametrize(
    ("multiplications", "available", "count"),
    [(0, 8, 1), (1e9, 8, 1), (2e10, 8, 7), (1e12, 8, 8), (1e12, 1, 1)],
)
def test_more_threads_compute_more_up_to_those_available(
    multiplications: float, available: int, count: int
) -> None:
    assert threads_for(multiplications, available).count == count


@pytest.mark.parametrize(
    ("network", "layers", "sides", "counts"),
    [
        ("lite", LITE_LAYERS, (128, 256, 512), (1, 1, 2)),
        ("vgg19", ["relu1_1", "relu5_1"], (128, 256, 512), (2, 2, 2)),
    ],
)
def test_one_thread_paints_small_scales_of_a_narrow_network_and_two_the_others(
    network: str, layers: list[str], sides: tuple[int, ...], counts: tuple[int, ...]
) -> None:
    each = Studio().encoder(network, "average").multiplications_per_pixel(layers)
    found = tuple(threads_for(each * side * side * 3 // 4, 2).count for side in sides)
    assert found == counts


class TestAPainting:
    """Of two scales, of which only the larger one is worth two threads."""

    @pytest.fixture(autouse=True)
    def _between(self, monkeypatch: pytest.MonkeyPatch) -> None:
        studio = thin_studio()
        layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"]
        each = studio.encoder("vgg19", "max").multiplications_per_pixel(layers)
        monkeypatch.setattr(threads, "_MULTIPLICATIONS_PER_THREAD", each * 64 * 48 - 1)

    def test_uses_more_threads_for_the_larger_scale(self) -> None:
        used: dict[int, int] = {}
        studio = replace(thin_studio(), threads=2)
        for event in paint(noise_picture(48, 64), [STYLE], quick_options(), studio=studio):
            if isinstance(event, Stepped):
                used[event.scale] = torch.get_num_threads()
        assert used == {0: 1, 1: 2}
        assert torch.get_num_threads() == 2

    def test_leaves_all_threads_to_the_next_when_it_is_stopped(self) -> None:
        studio = replace(thin_studio(), threads=2)
        steps: list[int] = []
        control = Control(should_stop=lambda: len(steps) == 2)
        events = paint(
            noise_picture(48, 64), [STYLE], quick_options(), studio=studio, control=control
        )
        with pytest.raises(PaintingStoppedError):
            steps.extend(torch.get_num_threads() for one in events if isinstance(one, Stepped))
        assert torch.get_num_threads() == 2

    def test_measures_the_style_anew_with_more_threads_which_round_differently(self) -> None:
        measured: list[int] = []

        class Recorded(MemoryStatistics):
            def put(self, statistics: StyleStatistics) -> None:
                measured.append(torch.get_num_threads())
                super().put(statistics)

        studio = replace(thin_studio(), statistics=Recorded())
        for count in (1, 2, 2):
            for _ in paint(
                noise_picture(48, 64),
                [STYLE],
                quick_options(),
                studio=replace(studio, threads=count),
            ):
                pass
        assert measured == [1, 1, 2]
