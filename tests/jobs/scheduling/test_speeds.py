import pytest

from common.options import PaintOptions
from jobs.scheduling.speeds import (
    PRIOR_SECONDS_PER_WORK,
    SpeedModel,
    blended,
    mean_pace,
    smoothed,
    speed_class_of,
    work_of,
)

HERE, THERE, OTHER = "here|cpu|lite", "there|cpu|lite", "there|cuda|vgg19"


def test_unmeasured_speed_is_estimated_from_the_nearest_measurement() -> None:
    nothing = SpeedModel({})
    assert nothing.seconds_per_work(HERE, "a") == PRIOR_SECONDS_PER_WORK
    assert nothing.usual("a") == PRIOR_SECONDS_PER_WORK
    model = SpeedModel({(HERE, "a"): 10.0, (HERE, "b"): 40.0, (OTHER, "a"): 1.0})
    assert model.seconds_per_work(HERE, "a") == 10.0
    assert model.seconds_per_work(HERE, "c") == pytest.approx(20.0)
    assert model.seconds_per_work(THERE, "b") == pytest.approx(40.0)
    assert model.seconds_per_work(THERE, "c") == pytest.approx(20.0)
    assert model.seconds_per_work("x|mps|lite", "a") == PRIOR_SECONDS_PER_WORK
    # An announced pace ranks before measurements of other machines, and after its own.
    assert model.seconds_per_work(THERE, "a", 3.0) == 3.0
    assert model.seconds_per_work(HERE, "c", 3.0) == pytest.approx(20.0)
    assert model.usual("a") == pytest.approx(10.0**0.5)


def test_mean_pace_is_weighted_towards_fast_engines() -> None:
    assert mean_pace([10.0, 1.0]) == pytest.approx(2 / 1.1)


def test_smoothed_speed_follows_the_newest_measurements() -> None:
    speed, samples = None, 0
    for newest in [100.0, *[10.0] * 20]:
        speed, samples = smoothed(speed, samples, newest), samples + 1
    assert speed == pytest.approx(10.0, rel=0.05)


def test_work_grows_with_pixels_quality_and_iterations() -> None:
    def work(**options: object) -> float:
        return work_of(PaintOptions.model_validate(options))

    assert work(size_px=4096) == pytest.approx(4 * work(size_px=2048), rel=0.05)
    assert work(quality="draft") < work() < work(quality="fine")
    assert work(iterations=600) == pytest.approx(2 * work(iterations=300), rel=0.05)
    assert work(timelapse=True) > work()
    assert work(variants=4) == pytest.approx(4 * work())


def test_work_of_a_small_picture_is_mostly_what_each_picture_costs() -> None:
    """Seconds in which an engine painted pictures of each side, its processor being its clock."""
    took = {192: 1.9, 256: 2.4, 384: 4.0, 512: 5.0, 768: 10.2, 1024: 14.8}
    paces = [seconds / work_of(PaintOptions(size_px=size)) for size, seconds in took.items()]
    assert max(paces) < 1.3 * min(paces)


def test_work_counts_pixels_not_the_square_of_the_longest_side() -> None:
    options = PaintOptions(size_px=4096)
    wide, square = work_of(options, aspect=0.25), work_of(options, aspect=1.0)
    assert wide == pytest.approx(square / 4, rel=0.05)
    assert work_of(options) == pytest.approx(work_of(options, aspect=0.75))


def test_own_pace_is_fully_trusted_after_a_tenth_of_the_work() -> None:
    assert blended(predicted=100.0, found=7000.0, fraction=0.0) == pytest.approx(100.0)
    assert blended(predicted=100.0, found=400.0, fraction=0.05) == pytest.approx(200.0)
    assert blended(predicted=100.0, found=400.0, fraction=0.1) == pytest.approx(400.0)
    assert blended(predicted=100.0, found=0.0, fraction=0.01) == 0.0


def test_speed_classes_distinguish_sizes_and_qualities() -> None:
    classes = {
        speed_class_of(PaintOptions(size_px=size, quality=quality))
        for size in (256, 362, 512)
        for quality in ("draft", "fine")
    }
    assert len(classes) == 6
    assert speed_class_of(PaintOptions(size_px=512)) == speed_class_of(PaintOptions(size_px=520))
    assert max(len(speed_class_of(PaintOptions(size_px=s))) for s in (64, 8192)) <= 40
