"""What would flip it: these pixels do, one fewer does not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.explain.tiny import SIDE, CountingModel
from tests.findings.tiny import tiny_face_model
from xssab_core import AlignedFace, explain
from xssab_core.errors import CancelledError
from xssab_core.explain import Explanation
from xssab_core.explain.base import blurred
from xssab_core.faces import Pair
from xssab_core.findings.flip import ORDERS, Crossing, Fill, FlipSet, flip_set
from xssab_core.metrics import cosine
from xssab_core.models import FaceModel, TorchFaceModel
from xssab_core.progress import State
from xssab_core.replay import dpr
from xssab_core.replay.case import case_of, play_at_random, random_order


def replaced(pair: Pair, explanation: Explanation, fill: Fill, order: np.ndarray, pixels: int) -> np.ndarray:
    """The probe with the first pixels of an order replaced, one by one."""
    probe, reference = (crop.copy() for crop in pair.crops_for(explanation.model.template))
    end = blurred(probe) if fill == "blur" else reference
    for place in order[:pixels]:
        y, x = divmod(int(place), len(probe))
        probe[y, x] = end[y, x]
    return probe


def is_match(model: FaceModel, pair: Pair, explanation: Explanation, probe: np.ndarray) -> bool:
    reference = pair.crops_for(model.info.template)[1]
    return explanation.threshold.is_match(cosine(model.embed(probe[None])[0], model.embed(reference[None])[0]))


def check(model: FaceModel, pair: Pair, found: FlipSet) -> None:
    """Pixels of the crossing turn the decision, one fewer does not, and they are the first of the map's order."""
    explanation, crossing = found.explanation, found.crossing
    assert crossing is not None
    order = dpr.pixel_order(dpr.ranking_map(explanation.probe), explanation.is_match, explanation.method.cells)
    np.testing.assert_array_equal(found.order, order)
    enough, fewer = (
        replaced(pair, explanation, found.fill, order, pixels) for pixels in (crossing.pixels, crossing.pixels - 1)
    )
    assert is_match(model, pair, explanation, fewer) == explanation.is_match
    assert is_match(model, pair, explanation, enough) != explanation.is_match
    np.testing.assert_array_equal(found.changed, enough)
    assert found.mask is not None
    assert found.mask.sum() == crossing.pixels
    assert found.mask.ravel()[order[: crossing.pixels]].all()
    steps = dpr.step_counts(len(enough))
    turned = np.array([explanation.threshold.is_match(score) for score in found.scores]) != explanation.is_match
    first = int(turned.argmax())
    assert steps[first - 1] < crossing.pixels <= steps[first]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reference", "fill", "method"), [("barack_obama_2", "blur", "layered"), ("joe_biden_1", "partner", "xcos-s")]
)
def test_the_pixels_turn_the_decision_on_a_sample_pair_and_one_fewer_does_not(
    sface: TorchFaceModel, samples: dict[str, AlignedFace], reference: str, fill: Fill, method: str
) -> None:
    pair = Pair(samples["barack_obama_1"], samples[reference])
    found = flip_set(sface, pair, explain(sface, *pair, method), fill)
    check(sface, pair, found)
    first, second = found.sentences()
    assert found.crossing is not None
    assert f" {found.crossing.pixels:,} pixels of the probe" in first
    assert second.startswith("5 of 5 random orders turn it, with ")


def tiny_case(samples: dict[str, AlignedFace], share: float, fill: Fill) -> tuple[CountingModel, Pair, Explanation]:
    """A network in float64, and a threshold at that share of the way from the score to that of all pixels replaced."""
    model, pair = tiny_face_model(), Pair(samples["barack_obama_1"], samples["joe_biden_1"])
    probe, reference = pair.crops_for(model.info.template)
    start, end = model.embed(np.stack([probe, blurred(probe) if fill == "blur" else reference]))
    partner = model.embed(reference[None])[0]
    threshold = cosine(start, partner) * (1 - share) + cosine(end, partner) * share
    return model, pair, explain(model, *pair, "layered", threshold)


@pytest.mark.parametrize("fill", ["blur", "partner"])
@pytest.mark.parametrize("share", [1e-3, 0.3, 0.8])
def test_the_crossing_is_exact_in_float64(samples: dict[str, AlignedFace], share: float, fill: Fill) -> None:
    model, pair, explanation = tiny_case(samples, share, fill)
    found = flip_set(model, pair, explanation, fill)
    check(model, pair, found)
    for number, pixels in enumerate(found.random):
        order = random_order(SIDE, number)
        assert pixels is not None
        few, many = (replaced(pair, explanation, fill, order, count) for count in (pixels - 1, pixels))
        assert is_match(model, pair, explanation, few) == explanation.is_match
        assert is_match(model, pair, explanation, many) != explanation.is_match


def test_what_a_replay_that_blurs_too_found_of_random_orders_is_not_computed_again(samples) -> None:
    model, pair, explanation = tiny_case(samples, 0.3, "blur")
    before, alone = model.embedded, flip_set(model, pair, explanation, "blur")
    cost = model.embedded - before
    seen = play_at_random(model, case_of(pair, model.info.template))
    before, helped = model.embedded, flip_set(model, pair, explanation, "blur", known=list(seen[:3]))
    assert model.embedded - before < 0.8 * cost
    assert helped.random == alone.random
    assert helped.crossing == alone.crossing


class Program:
    """Somebody's recogniser that starts anew for each batch."""

    def __init__(self, model: CountingModel) -> None:
        self.info, self.weights_sha256, self.thresholds = model.info, model.weights_sha256, model.thresholds
        self.device_name, self.batch_size, self._model, self.starts = "elsewhere", 64, model, 0

    def embed(self, crops: np.ndarray) -> np.ndarray:
        self.starts += 1
        return self._model.embed(crops)


def test_a_black_box_is_asked_for_many_pictures_at_a_time(samples: dict[str, AlignedFace]) -> None:
    model, pair, explanation = tiny_case(samples, 0.3, "partner")
    program = Program(model)
    found = flip_set(program, pair, explanation, "partner")
    assert program.starts <= 1 + (1 + ORDERS) * 3
    check(program, pair, found)
    np.testing.assert_allclose(found.scores, flip_set(model, pair, explanation, "partner").scores, atol=1e-7)


def test_nothing_flips_beyond_the_range_of_the_scores(samples: dict[str, AlignedFace]) -> None:
    model, pair, explanation = tiny_case(samples, 0.0, "partner")
    found = flip_set(model, pair, replace(explanation, threshold=explanation.threshold.by_user(-1.0)), "partner")
    assert (found.crossing, found.mask, found.changed, found.share) == (None, None, None, None)
    assert found.random == (None,) * ORDERS
    first, second = found.sentences()
    assert first.startswith("Nothing flips: ")
    assert "leaves a match at every step of 5\u00a0%, up to all of them" in first
    assert second == "None of 5 random orders turns it."
    assert json.loads(json.dumps(found.record()))["pixels"] is None


def test_a_score_that_comes_back_is_said_to(samples: dict[str, AlignedFace]) -> None:
    _, _, explanation = tiny_case(samples, 0.5, "partner")
    th = explanation.threshold.value
    down, back = np.array([th, th - 0.1, th - 0.2]), np.array([th, th - 0.1, th])
    found = FlipSet(explanation, "blur", np.arange(SIDE**2), down, Crossing(1, th, th - 0.1), None, (4, None, 2))
    assert found.stays
    once, random = found.sentences()
    assert once.startswith("Replacing 1 pixel of the probe (0.1\u00a0%) by its blurred copy, in the order of Layered,")
    assert once.endswith(").")
    assert random == "2 of 3 random orders turn it, with 3 pixels in the median (2 to 4)."
    again = replace(found, scores=back)
    assert not again.stays
    told = "This is the first of several crossings: with more pixels the decision turns back."
    assert again.sentences()[0] == f"{once} {told}"
    assert again.record()["changes_once"] is False


def test_it_tells_each_order_and_stops_when_told(samples: dict[str, AlignedFace]) -> None:
    model, pair, explanation = tiny_case(samples, 0.5, "partner")
    told: list[State] = []
    record = json.loads(json.dumps(flip_set(model, pair, explanation, "partner", told.append).record()))
    assert {(state.done, state.total) for state in told} == {(n, ORDERS + 1) for n in range(ORDERS + 2)}
    assert [state.done for state in told] == sorted(state.done for state in told)
    assert record["replaced_by"] == "the reference at the same place"
    assert len(record["scores_at_steps_of_5_percent"]) == dpr.STEPS
    passes = model.embedded

    def stop(_: State) -> None:
        raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        flip_set(model, pair, explanation, "partner", stop)
    assert model.embedded - passes <= 10
