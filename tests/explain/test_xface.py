"""xFace against the published formulas, written out independently."""

from __future__ import annotations

import itertools
import math
import threading

import cv2
import numpy as np
import pytest
import torch

from tests.explain.tiny import SIDE, CountingModel, random_pair, tiny_info, tiny_model
from xssab_core.errors import CancelledError, ExplainError
from xssab_core.explain import METHODS, explain
from xssab_core.explain.confidence import confidence_of
from xssab_core.explain.xface import OccludedEmbeddings, XFace, occluders, stages
from xssab_core.faces import AlignedFace
from xssab_core.metrics import cosine
from xssab_core.models import TorchFaceModel
from xssab_core.progress import State


def masks(p: int, inclusive: bool, side: int = SIDE) -> list[np.ndarray]:
    """m: 0 under the occluder, 1 elsewhere, drawn the way each version of the method draws."""
    found = []
    for y in np.arange(0, side - p, 5):
        for x in np.arange(0, side - p, 5):
            m = np.ones((side, side))
            if inclusive:
                m = cv2.rectangle(m, (int(x), int(y)), (int(x + p), int(y + p)), 0.0, -1)
            else:
                for row in range(p):
                    for column in range(p):
                        m[y + row, x + column] = 0.0
            found.append(m)
    return found


def by_hand(model: CountingModel, own: np.ndarray, partner: np.ndarray, variant: int, inclusive: bool) -> np.ndarray:
    """Map of `own` given `partner`, in float64, one image at a time, without the blur."""

    def embedding(crop: np.ndarray, m: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(crop * m[:, :, None]).permute(2, 0, 1)[None]
        vector = model.network(pixels)[0].numpy()
        return vector / np.sqrt((vector**2).sum())

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        return 1.0 - float((a * b).sum())

    clean = np.ones((SIDE, SIDE))
    d_0 = distance(embedding(own, clean), embedding(partner, clean))
    maps = []
    for p in (7, 14, 28):
        all_m = masks(p, inclusive)
        partners = [embedding(partner, m) for m in all_m]
        total = np.zeros((SIDE, SIDE))
        for k, m in enumerate(all_m):
            e = embedding(own, m)
            if variant == 1:
                d_occ = sum(distance(e, other) for other in partners) / len(partners)
            elif variant == 2:
                d_occ = distance(e, embedding(partner, clean))
            else:
                d_occ = distance(e, partners[k])
            total += (1 - m) * (d_occ - d_0) / p**2
        maps.append(total / len(all_m))
    return (maps[0] + maps[1] + maps[2]) / 3


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("variant", [1, 2, 3])
def test_maps_of_both_faces_equal_the_formulas(variant: int, inclusive: bool) -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    method = XFace(variant, exact_reference=inclusive)
    maps = method.maps(model, method.examine(model, probe, reference), 0.0, blur=False)
    for found, own, partner in ((maps[0], probe, reference), (maps[1], reference, probe)):
        expected = by_hand(model, own, partner, variant, inclusive)
        assert found.combined is not None
        assert found.combined.dtype == np.float32
        # embed returns float32 embeddings, the formula here is float64 throughout.
        np.testing.assert_allclose(found.combined, expected, atol=2e-4 * np.abs(expected).max())


def test_blur_is_the_gaussian_of_each_size_before_the_mean() -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    method = XFace(2)
    evidence = method.examine(model, probe, reference)
    plain, blurred = (method.maps(model, evidence, 0.0, blur)[0].combined for blur in (False, True))
    assert plain is not None
    assert blurred is not None
    # The blur is linear, so blurring the mean is the same.
    np.testing.assert_allclose(blurred, cv2.GaussianBlur(plain, (5, 5), 5.0), atol=1e-6 * np.abs(plain).max())
    assert np.abs(blurred - plain).max() > 0.01 * np.abs(plain).max()


def test_similarity_and_dissimilarity_are_the_two_parts_of_the_combined_map() -> None:
    model, (probe, reference) = tiny_model(seed=7), random_pair(seed=7)
    signs = set()
    for variant in (1, 2, 3):
        maps = explain(model, probe, reference, f"xface{variant}", threshold=0.0).probe
        assert maps.similarity is not None
        assert maps.dissimilarity is not None
        assert maps.combined is not None
        np.testing.assert_array_equal(np.minimum(maps.similarity, maps.dissimilarity), 0)
        np.testing.assert_array_equal(maps.similarity - maps.dissimilarity, maps.combined)
        signs |= set(np.sign(maps.combined).ravel().tolist())
    assert {-1.0, 1.0} <= signs


def test_registered_methods_draw_the_inclusive_rectangles_of_the_reference_code() -> None:
    assert all(METHODS[f"xface{variant}"].exact_reference for variant in (1, 2, 3))


def test_published_parameters_give_1130_squares_of_the_right_size() -> None:
    for inclusive, sides in ((True, (8, 15, 29)), (False, (7, 14, 28))):
        squares = occluders(112, (7, 14, 28), 5, inclusive)
        assert len(squares) == 1130
        assert [sum(square.size == p for square in squares) for p in (7, 14, 28)] == [441, 400, 289]
        assert {(s.bottom - s.top, s.right - s.left) for s in squares} == {(side, side) for side in sides}
        assert max(max(s.bottom, s.right) for s in squares) <= 112


@pytest.mark.slow
def test_a_face_costs_1130_passes_and_the_clean_one_and_memory_stays_flat() -> None:
    model, (probe, reference) = tiny_model(112), random_pair(112)
    evidence = METHODS["xface1"].examine(model, probe, reference)
    assert model.embedded == 2 * (1130 + 1) == METHODS["xface1"].info.forward_passes
    assert METHODS["xface1"].passes(model) == (model.embedded, 0)
    assert model.largest_batch == model.batch_size == 8
    assert evidence.nbytes == 4 * 2 * (1130 + 1) * model.info.embedding_size


def test_larger_crops_take_more_passes() -> None:
    model, method = tiny_model(150), XFace(1, stride=20)
    method.examine(model, *random_pair(150))
    assert model.embedded == method.passes(model).forward > method.info.forward_passes
    assert METHODS["xface1"].passes(model).forward == 2 * (len(occluders(150, (7, 14, 28), 5, True)) + 1) == 4502


def test_all_three_variants_share_one_evidence() -> None:
    assert len({METHODS[f"xface{variant}"].evidence_kind for variant in (1, 2, 3)}) == 1
    assert XFace(1, exact_reference=False).evidence_kind != XFace(1).evidence_kind


def test_batch_size_does_not_change_the_maps() -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    found = []
    for model.batch_size in (1, 64):
        found.append(XFace(1).maps(model, XFace(1).examine(model, probe, reference), 0.0, True)[0].combined)
    first, second = found
    assert first is not None
    np.testing.assert_allclose(first, second, atol=1e-5 * np.abs(first).max())


def test_swapping_the_images_swaps_the_maps() -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    for method in ("xface1", "xface2", "xface3"):
        forth = explain(model, probe, reference, method, threshold=0.0)
        back = explain(model, reference, probe, method, threshold=0.0)
        for one, other in ((forth.probe, back.reference), (forth.reference, back.probe)):
            assert one.combined is not None
            np.testing.assert_allclose(one.combined, other.combined, atol=1e-5 * np.abs(one.combined).max())
    assert METHODS["xface3"].info.joint
    np.testing.assert_array_equal(forth.probe.combined, forth.reference.combined)


def test_cancelling_stops_after_the_batch_and_the_model_stays_usable() -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    shares: list[float] = []
    model.batch_size = 4

    def cancel(state: State) -> None:
        shares.append(state.share)
        if len(shares) == 2:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        XFace(1, sizes=(7,)).examine(model, probe, reference, cancel)
    at_once = torch.get_num_threads()
    assert model.embedded == 2 + 4 * at_once * math.ceil(2 / at_once)
    assert shares == sorted(shares)
    done: list[bool] = []
    other = threading.Thread(target=lambda: done.append(model.embed(probe[None]).shape == (1, 6)))
    other.start()
    other.join(10)
    assert done == [True]


@pytest.mark.parametrize(("side", "stride"), [(112, 5), (SIDE, 5), (150, 7), (112, 28)])
def test_stages_hold_each_square_once_and_leave_no_gap_between_squares_of_a_size(side: int, stride: int) -> None:
    squares = occluders(side, (7, 14, 28), stride, True)
    found = stages(squares, stride)
    assert all(found)
    assert sorted(itertools.chain.from_iterable(found)) == list(range(len(squares)))
    looked_at: set[int] = set()
    for stage in found:
        looked_at |= set(stage)
        for size in {squares[number].size for number in stage}:
            tops = sorted({squares[n].top for n in looked_at if squares[n].size == size})
            assert tops == sorted({squares[n].left for n in looked_at if squares[n].size == size})
            assert all(later - earlier <= max(size, stride) for earlier, later in itertools.pairwise(tops))
    assert [squares[stage[0]].size for stage in found] == sorted((squares[s[0]].size for s in found), reverse=True)


def test_the_first_stage_of_the_published_parameters_is_25_large_squares_over_the_whole_face() -> None:
    squares = occluders(112, (7, 14, 28), 5, True)
    first = [squares[number] for number in stages(squares, 5)[0]]
    assert {square.size for square in first} == {28}
    assert {square.top for square in first} == {square.left for square in first} == {0, 20, 40, 60, 80}
    assert len(first) == 25


def test_evidence_told_on_the_way_is_that_of_the_squares_done_and_gives_maps() -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    method, told = XFace(2), []
    whole = method.examine(model, probe, reference, told.append)
    order = {square: number for number, square in enumerate(whole.squares)}
    partial = list({id(state.partial): state.partial for state in told if state.partial is not None}.values())
    assert [len(evidence.squares) for evidence in partial] == list(
        itertools.accumulate(map(len, stages(whole.squares, 5)))
    )
    for evidence in partial:
        numbers = [order[square] for square in evidence.squares]
        assert numbers == sorted(numbers)
        np.testing.assert_array_equal(evidence.occluded, whole.occluded[:, numbers])
        for variant in (1, 2, 3):
            for maps in XFace(variant).maps(model, evidence, 0.0):
                assert maps.combined is not None
                assert np.ptp(maps.combined) > 0
    assert told[-1].partial is partial[-1]
    assert all(state.seconds_left is not None and state.seconds_left >= 0 for state in told)
    assert told[-1].seconds_left == 0


@pytest.mark.slow
def test_evidence_equals_that_of_one_square_after_the_other(sface: TorchFaceModel, samples) -> None:
    crops = [samples[name].crop for name in ("barack_obama_1", "joe_biden_1")]
    method = XFace(2, stride=28)
    evidence = method.examine(sface, *crops)
    assert evidence.squares == occluders(112, (7, 14, 28), 28, True)
    np.testing.assert_allclose(evidence.embeddings, sface.embed(np.stack(crops)), atol=1e-6)
    expected = np.empty_like(evidence.occluded)
    for face, crop in enumerate(crops):
        for number, square in enumerate(evidence.squares):
            hidden = crop.copy()
            hidden[square.top : square.bottom, square.left : square.right] = 0
            expected[face, number] = sface.embed(hidden[None])[0]
    # Folding rounds otherwise: how much depends on the processor, 1.5e-6 at most where it was tried.
    np.testing.assert_allclose(evidence.occluded, expected, atol=5e-6)
    loop = OccludedEmbeddings(evidence.embeddings, expected, evidence.squares, evidence.side)
    for found, wanted in zip(method.maps(sface, evidence, 0.3), method.maps(sface, loop, 0.3), strict=True):
        assert found.combined is not None
        assert wanted.combined is not None
        np.testing.assert_allclose(found.combined, wanted.combined, atol=1e-4 * np.abs(wanted.combined).max())


def test_progress_ends_at_one() -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    shares: list[float] = []
    XFace(1).examine(model, probe, reference, lambda state: shares.append(state.share))
    assert shares[-1] == 1.0
    assert all(later > earlier for earlier, later in itertools.pairwise(shares))


def test_only_embed_is_used() -> None:
    class BlackBox:
        """Not a torch model: nothing but embeddings."""

        info, weights_sha256, thresholds, device_name, batch_size = tiny_info(SIDE), "1" * 64, (), "none", 16

        def embed(self, crops: np.ndarray) -> np.ndarray:
            means = crops.reshape(len(crops), 2, SIDE // 2, SIDE, 3).mean((2, 3)).reshape(len(crops), 6)
            return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)

    probe, reference = random_pair()
    maps = explain(BlackBox(), probe, reference, "xface2", threshold=0.0).probe
    assert maps.combined is not None
    assert np.abs(maps.combined).max() > 0


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(ExplainError, match="choose 1, 2 or 3"):
        XFace(4)
    model, (probe, reference) = tiny_model(), random_pair()
    with pytest.raises(ExplainError, match="do not fit"):
        XFace(1, sizes=(64,)).examine(model, probe, reference)


def test_the_confidence_is_that_of_the_calibration_and_absent_without_one(
    sface: TorchFaceModel, samples: dict[str, AlignedFace]
) -> None:
    method = XFace(1, sizes=(56,), stride=56)
    evidence = method.examine(sface, samples["barack_obama_1"].crop, samples["barack_obama_2"].crop)
    known = confidence_of("sface", sface.weights_sha256)
    assert known is not None
    for threshold in (0.3, 0.9):
        expected = known.of_decision(cosine(*evidence.embeddings), threshold)
        assert method.numbers(sface, evidence, threshold) == {"confidence": pytest.approx(expected)}
    assert method.numbers(tiny_model(), evidence, 0.3) == {}
