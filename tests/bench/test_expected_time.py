"""`python -m bench.expected_time`: accuracy of the time that members are shown."""

from typing import Any

from bench.expected_time import expected_of, expected_text


def record(
    size_px: int, known: str, expected: float, seconds: float, told: float
) -> dict[str, Any]:
    left = [(0.0, 0.0, expected), (0.5 * seconds, 0.5, told)]
    return {
        "size_px": size_px,
        "known": known,
        "expected": expected,
        "seconds": seconds,
        "left": left,
    }


def test_what_was_told_is_compared_with_what_a_job_took() -> None:
    found = expected_of(record(192, "nothing", 5.0, 10.0, 4.0), loaded=True)
    assert (found.errors.early, found.errors.later) == ((2.0,), (1.25,))


def test_table_has_a_row_for_each_size_and_what_was_known() -> None:
    jobs = [
        expected_of(record(192, "nothing", 5.0, 10.0, 4.0), loaded=False),
        expected_of(record(192, "nothing", 20.0, 10.0, 10.0), loaded=True),
        expected_of(record(192, "the size", 10.0, 10.0, 5.0), loaded=False),
    ]
    text = expected_text(jobs)
    assert "| 192 px, nothing measured | 2 | 1.25 | 2.00 | 2.00 | 2.00 |" in text
    assert "| 192 px, the size measured | 1 | 1.00 | 1.00 | 1.00 | 1.00 |" in text
