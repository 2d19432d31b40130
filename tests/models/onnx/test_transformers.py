"""Transformers from ONNX: arithmetic on shapes and indices carries no gradient, and stops none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import SwinTransformer, VisionTransformer
from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformerBlockV2

from xssab_core.models import TorchFaceModel, load_model
from xssab_core.models.adding import add_onnx
from xssab_core.models.onnx.session import open_session
from xssab_core.models.zoo.network import normalise

CROPS = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)


def _vit() -> nn.Module:
    network = VisionTransformer(112, 16, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64)
    network.heads = nn.Linear(32, 16)  # torchvision's own begins with zeros
    return network


_swin = partial(SwinTransformer, [4, 4], 16, [2, 2], [2, 4], [7, 7], num_classes=16)
# Windows of 8 do not divide 28: the grid is padded and the mask of shifted windows is cut from it.
_swin_v2 = partial(
    SwinTransformer, [4, 4], 16, [2, 2], [2, 4], [8, 8], num_classes=16,
    block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2,
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "opset", "batches"),
    [(_vit, 14, True), (_vit, 17, False), (_swin, 14, False), (_swin, 17, True), (_swin_v2, 20, True)],
    ids=["vit-14", "vit-17-one", "swin-14-one", "swin-17", "swin-v2-20"],
)
def test_a_transformer_has_the_gradients_of_the_network_it_was_exported_from(
    build: Callable[[], nn.Module], opset: int, batches: bool, store: Path, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    network = build().eval()
    file = tmp_path / "transformer.onnx"
    torch.onnx.export(
        network, (torch.randn(1, 3, 112, 112),), str(file), input_names=["images"],
        dynamic_axes={"images": {0: "n"}} if batches else None, opset_version=opset, dynamo=False,
    )  # fmt: skip
    card = add_onnx("mine", file)
    assert card.info.differentiable, card.info.black_box_reason
    assert card.settings["batches"] or not batches
    model = load_model("mine", "cpu")
    assert isinstance(model, TorchFaceModel)

    (crop,) = normalise(torch.from_numpy(CROPS[:1]).permute(0, 3, 1, 2).float(), (127.5,), (127.5,)).numpy()
    (row,) = open_session(file.read_bytes()).run(None, {"images": crop[None]})[0]
    np.testing.assert_allclose(model.embed(CROPS)[0], row / np.linalg.norm(row), atol=1e-5)

    network, again = network.double(), model.network.double()
    pixels = torch.from_numpy(CROPS).permute(0, 3, 1, 2).double().requires_grad_()
    expected, found = network(normalise(pixels, (127.5,), (127.5,))), again(pixels)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    wanted, got = (torch.autograd.grad(v[:, :5].sum(), pixels)[0] for v in (expected, found))
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))
