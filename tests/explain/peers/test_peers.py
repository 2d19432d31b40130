"""What holds for all peers."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tests.explain.tiny import SIDE, SIZE, random_pair, tiny_info, tiny_model
from xssab_core.errors import CancelledError, ExplainError
from xssab_core.explain import METHODS, PEERS, Explainer, explain
from xssab_core.explain.peers.fggb import COPIES
from xssab_core.explain.peers.minplus import MinPlus
from xssab_core.models.blackbox import BlackBoxModel
from xssab_core.progress import State

IDS = [method.info.id for method in PEERS]
LONG = ("corrrise", "minplus", "fggb", "ig", "smoothgrad")
each_peer = pytest.mark.parametrize("method", PEERS, ids=IDS)


def test_they_stand_behind_the_methods_of_the_paper() -> None:
    known = list(METHODS)
    assert known[0] == "xssab"
    assert known[known.index("random") + 1 :][: len(IDS)] == IDS


@each_peer
def test_swapping_the_images_swaps_the_maps(method: Explainer) -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    forth, back = (explain(model, *pair, method.info.id, 0.2) for pair in ((probe, reference), (reference, probe)))
    for one, other in ((forth.probe, back.reference), (forth.reference, back.probe)):
        np.testing.assert_allclose(one.combined, other.combined, atol=1e-5 * np.abs(one.combined).max())
    assert np.abs(forth.probe.combined - forth.reference.combined).max() > 1e-3 * np.abs(forth.probe.combined).max()


@each_peer
def test_the_threshold_and_the_blur_change_what_they_should(method: Explainer) -> None:
    model, pair = tiny_model(), random_pair()
    evidence = method.examine(model, *pair)
    low, high, sharp = (
        method.maps(model, evidence, *settings)[0].combined for settings in ((0.1, True), (0.7, True), (0.1, False))
    )
    np.testing.assert_array_equal(low, sharp)
    assert (np.abs(low - high).max() > 0) == (method.info.id in ("fggb", "affine"))


@each_peer
def test_signed_maps_are_the_difference_of_their_two_parts(method: Explainer) -> None:
    maps = explain(tiny_model(), *random_pair(), method.info.id, 0.2).probe
    if method.info.attention:
        assert maps.dissimilarity is None
        np.testing.assert_array_equal(maps.combined, maps.similarity)
    else:
        np.testing.assert_array_equal(np.minimum(maps.similarity, maps.dissimilarity), 0)
        np.testing.assert_array_equal(maps.similarity - maps.dissimilarity, maps.combined)


@pytest.mark.parametrize("method_id", LONG)
def test_progress_rises_to_one(method_id: str) -> None:
    shares: list[float] = []
    METHODS[method_id].examine(tiny_model(), *random_pair(), lambda state: shares.append(state.share))
    assert shares[-1] == 1.0
    assert len(shares) >= 2
    assert all(later >= earlier for earlier, later in itertools.pairwise(shares))


@pytest.mark.parametrize("method_id", LONG)
def test_cancelling_stops_at_once_and_the_model_stays_usable(method_id: str) -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    told: list[State] = []

    def cancel(state: State) -> None:
        told.append(state)
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        METHODS[method_id].examine(model, probe, reference, cancel)
    assert len(told) == 1
    done: list[bool] = []
    other = threading.Thread(target=lambda: done.append(model.embed(probe[None]).shape == (1, 6)))
    other.start()
    other.join(10)
    assert done == [True]


@pytest.mark.slow
@each_peer
def test_passes_are_those_the_method_says(method: Explainer) -> None:
    """Of a crop of 112 px; FGGB's backward passes are those of 128 numbers."""
    model, forward = tiny_model(112), 0
    assert method.unavailable(model) is None  # the head is tried once

    def count(module: nn.Module, given: tuple[torch.Tensor, ...], _: torch.Tensor) -> None:
        nonlocal forward
        forward += len(given[0])

    watched = model.network.conv.register_forward_hook(count)
    list(model.embed_batches([random_pair(112)[0][None]]))  # another form of the network is tried once
    forward = model.batched = 0
    method.examine(model, *random_pair(112))
    watched.remove()
    forward += model.batched  # through that form, which has no hooks
    most = method.passes(model).forward
    assert most == method.info.forward_passes
    assert forward <= most if isinstance(method, MinPlus) else forward == most


def test_series_of_spots_that_go_on_to_their_end_take_the_passes_they_say() -> None:
    passes, told, method = 0, list[State](), MinPlus(2)

    def embed(crops: np.ndarray) -> np.ndarray:
        """Each spot that is hidden, or shown, changes the score."""
        nonlocal passes
        passes += len(crops)
        light = crops.reshape(len(crops), -1).mean(axis=1)
        return np.stack([light - 150, *[np.full(len(crops), 40.0)] * (SIZE - 1)], axis=1)

    box = BlackBoxModel(tiny_info(SIDE), "1" * 64, (), embed)
    method.examine(box, *np.full((2, SIDE, SIDE, 3), 200, np.uint8), told.append)
    assert passes == method.passes(box).forward == 2 * (1 + 2 + 2 * (49 + 48))
    assert told[-1].done == told[-1].total == passes - 2  # the clean faces are passed before


def test_backward_passes_of_fggb_are_those_of_the_numbers_of_the_embedding() -> None:
    model, method = tiny_model(), METHODS["fggb"]
    wide = BlackBoxModel(replace(model.info, embedding_size=512), "1" * 64, (), model.embed)
    assert method.passes(model).backward == 2 * 2 * COPIES  # its six numbers take two batches
    assert method.passes(wide).backward == 2 * 512
    assert method.passes(wide).as_forward == 2 * COPIES + 2 * 2 * 512


@each_peer
def test_a_black_box_has_those_that_need_embeddings_only(method: Explainer) -> None:
    def embed(crops: np.ndarray) -> np.ndarray:
        return crops.reshape(len(crops), 2, SIDE // 2, SIDE, 3).mean((2, 3)).reshape(len(crops), 6) + 1

    box = BlackBoxModel(tiny_info(SIDE), "1" * 64, (), embed)
    if method.info.id in ("corrrise", "minplus"):
        assert method.info.white_box is False
        assert np.abs(explain(box, *random_pair(), method.info.id, 0.2).probe.combined).max() > 0
    else:
        with pytest.raises(ExplainError, match="needs a differentiable model; tiny is a black box"):
            method.examine(box, *random_pair())


@pytest.mark.parametrize("method_id", ["gradcam", "hirescam", "affine"])
def test_a_model_without_a_grid_is_told_so(method_id: str) -> None:
    plain = tiny_model(network=nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 6)))
    with pytest.raises(ExplainError, match="needs the last feature grid of a model; tiny does not show one"):
        METHODS[method_id].examine(plain, *random_pair())
