"""Folding: the same embeddings with less work, and the network left alone."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest
import torch
from torch import nn

from tests.explain.tiny import random_pair, tiny_model
from xssab_core.models import TorchFaceModel
from xssab_core.models.base import embed_batches
from xssab_core.models.zoo.architectures import ARCHITECTURES
from xssab_core.models.zoo.folding import _laid_out, folded


def pixels(side: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (2, 3, side, side)).astype(np.float32))


def unit(rows: torch.Tensor) -> np.ndarray:
    return nn.functional.normalize(rows.double(), dim=1).numpy()


def settled(network: nn.Module) -> nn.Module:
    """With batch norms that do something: random statistics and weights."""
    generator = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.running_mean, layer.running_var, layer.weight, layer.bias):
                if values is not None:
                    values.data.uniform_(0.5, 1.5, generator=generator)
    return network.eval().requires_grad_(False)


# Depths share their units.
@pytest.mark.parametrize("name", ["iresnet18", "ir101", "inception-resnet-v1"])
@pytest.mark.slow
def test_every_architecture_is_folded_to_equal_embeddings(name: str) -> None:
    torch.manual_seed(0)
    architecture = ARCHITECTURES[name]
    network = settled(architecture.build())
    given = pixels(architecture.template.size)
    made = folded(network, given)
    assert is_laid_out(made, network)
    with torch.no_grad():
        np.testing.assert_allclose(unit(made(given.flip(0))), unit(network(given.flip(0))), atol=1e-5)


def is_laid_out(made: nn.Module, network: nn.Module) -> bool:
    """Whether it is another form, with fewer batch norms."""
    norms = sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    return isinstance(made, torch.jit.ScriptModule) and str(made.inlined_graph).count("aten::batch_norm") < norms


def test_sface_is_folded_and_left_alone(sface: TorchFaceModel) -> None:
    before = {key: value.clone() for key, value in sface.network.state_dict().items()}
    strides = {key: value.stride() for key, value in sface.network.state_dict().items()}
    made = folded(sface.network, pixels(112))
    assert is_laid_out(made, sface.network)
    after = sface.network.state_dict()
    assert before.keys() == after.keys()
    for key, value in before.items():
        assert torch.equal(value, after[key])
        assert after[key].stride() == strides[key]


class Branching(nn.Module):
    """Asks what it sees, so that nobody can read it without running it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        grid = self.conv(given / 255)
        return (grid if given.mean() > 100 else -grid).mean((2, 3))


class Flattening(Branching):
    """Takes memory for granted."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return given.view(len(given), -1)[:, :8] if given.mean() > 100 else self.conv(given).mean((2, 3))


def test_a_network_with_branches_keeps_them() -> None:
    network = Branching().eval()
    made = folded(network, pixels(16))
    with torch.no_grad():
        for given in (pixels(16), pixels(16) / 10):
            np.testing.assert_allclose(unit(made(given)), unit(network(given)), atol=1e-5)


def test_a_network_that_does_not_bear_another_order_in_memory_is_used_as_it_is() -> None:
    network = Flattening().eval()
    assert folded(network, pixels(16)) is network


@pytest.mark.slow
def test_batches_embedded_side_by_side_come_in_order_and_equal_embed(sface: TorchFaceModel) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (21, 112, 112, 3), dtype=np.uint8)
    batches = [crops[:1], crops[1:8], crops]  # the last one is parted
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found = list(embed_batches(sface, batches))
            assert [len(rows) for rows in found] == [1, 7, 21]
            np.testing.assert_allclose(np.concatenate(found[:2]), found[2][:8], atol=1e-5)
            np.testing.assert_allclose(found[2], sface.embed(crops), atol=1e-5)
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)


def test_no_more_batches_are_made_than_are_embedded_at_once() -> None:
    model, (crop, _) = tiny_model(), random_pair()
    made: list[int] = []

    def batches():
        for number in range(8):
            made.append(number)
            yield crop[None]

    rows = embed_batches(copy.copy(model), batches())
    next(rows)
    assert len(made) == torch.get_num_threads()


class Meanwhile(nn.Module):
    """A network in whose forward pass another thread runs modules, its own among them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 6, 8)).eval()
        self.found: list[object] = []

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        def run() -> None:
            try:
                other = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
                self.found += [other(torch.ones(1, 2)), self.layers(torch.ones(1, 3, 8, 8))]
            except Exception as error:
                self.found.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        embeddings: torch.Tensor = self.layers(pixels)
        return embeddings


def test_what_other_threads_run_while_a_network_is_read_is_left_alone() -> None:
    network, images = Meanwhile().eval(), torch.rand(2, 3, 8, 8)
    call = nn.Module.__call__
    with torch.no_grad():
        made = _laid_out(network, images)
        assert [type(each) for each in network.found] == [torch.Tensor, torch.Tensor]
        np.testing.assert_allclose(made(images), network.layers(images), atol=1e-5)
    assert nn.Module.__call__ is call
