"""`python -m bench.time_left`: accuracy of the remaining time that is shown."""

from bench.time_left import Told, told, told_text


def test_told_times_are_compared_with_actual_times_early_and_later() -> None:
    left = [(1.0, 0.01, None), (5.0, 0.05, 190.0), (50.0, 0.5, 40.0), (99.0, 0.99, 30.0)]
    found = told(512, {"seconds": 100.0, "left": left}, loaded=True)
    assert found == Told(512, True, (2.0,), (1.25,))


def test_error_below_half_a_second_counts_as_exact() -> None:
    found = told(192, {"seconds": 2.0, "left": [(1.0, 0.5, 1.4), (1.5, 0.7, 1.1)]}, loaded=False)
    assert found.later == (1.0, 1.1 / 0.5)


def test_the_table_has_a_row_for_each_size_idle_and_loaded() -> None:
    text = told_text(
        [
            Told(256, False, (1.1, 1.3), (1.0, 1.2)),
            Told(256, False, (1.5,), (1.1,)),
            Told(256, True, (), (1.4,)),
        ]
    )
    assert "| 256 px, idle | 2 | 1.30 | 1.50 | 1.10 | 1.20 |" in text
    assert "| 256 px, loaded | 1 | – | – | 1.40 | 1.40 |" in text
