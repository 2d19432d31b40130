"""Average precision, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from xssab_core.metrics import average_precision

TRUTH = np.array([[True, False], [True, False]])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[4, 2], [3, 1]], 1.0),  # both true pixels first
        ([[1, 4], [2, 3]], (1 / 3 + 2 / 4) / 2),  # both last
        ([[4, 3], [2, 1]], (1 / 1 + 2 / 3) / 2),
        ([[0, 0], [0, 0]], 0.5),  # all tied: the share of true pixels
        ([[2, 2], [1, 1]], (1 / 2 + 2 / 4) / 2),  # ties count as one step
    ],
)
def test_average_precision_is_that_of_the_ranking(values: list[list[int]], expected: float) -> None:
    assert average_precision(TRUTH, np.array(values, dtype=np.float32)) == pytest.approx(expected)


def test_a_random_order_gives_the_share_of_true_pixels() -> None:
    generator = np.random.default_rng(0)
    truth = generator.random((112, 112)) < 0.4
    found = [average_precision(truth, generator.random((112, 112))) for _ in range(20)]
    assert np.mean(found) == pytest.approx(truth.mean(), abs=0.005)
