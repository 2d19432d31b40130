"""A copy of a model that has forgotten what it learnt, for the sanity check of explanations."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (its common name)
from torch.overrides import TorchFunctionMode

from xssab_core.device import DeviceLock, on_one_thread
from xssab_core.errors import ModelError
from xssab_core.faces import AlignedFace, align_face, open_photo
from xssab_core.faces.align import Template
from xssab_core.faces.known import known_faces
from xssab_core.models.base import TorchFaceModel
from xssab_core.paths import ASSETS
from xssab_core.work.beforehand import RANDOMISED, digest_of, read_numbers, save_numbers, shipped

# Root mean square cosine between different pictures from which on a model tells none from another: 1 where all
# embeddings lie on one line. Copies of 18 networks, convolutional and transformers, with and without normalisation, had
# at most 0.62; those of networks with equal weights in the last layer, or zeros in the first, 0.91 to 1.
COLLAPSED = 0.8

# A channel that varies less than this share of its mean square is constant: rounding must not be blown up.
_LEAST_VARIANCE = 1e-6
_CONVOLUTIONS = (F.conv1d, F.conv2d)
_PRODUCTS = (torch.matmul, Tensor.matmul, Tensor.__matmul__)
_FACES = ("barack_obama_1", "joe_biden_1")  # of the samples

# The last copy of each model: making one costs more than all else that a check does.
_kept: WeakKeyDictionary[TorchFaceModel, tuple[int, TorchFaceModel | None]] = WeakKeyDictionary()
_keeping = threading.Lock()


def randomised_copy(model: TorchFaceModel, seed: int) -> TorchFaceModel | None:
    """A copy whose weights are shuffled within each tensor, which keeps their scale and destroys what they learnt.

    Through weights in another order, activations vanish, explode or run into one direction; so each layer is settled
    anew, see `_Settling`, on turned and shifted copies of two sample faces. The copy keeps the digest of the weights,
    so that trained parts which belong to the model (the head of xCos) still attach to it; nothing that it computes may
    therefore reach a cache. It is made on one CPU thread, so that it is the same wherever it is asked for, and kept for
    as long as the model is. What settles that of the default model ships: the same copy without the passes.

    Args:
        model: is left alone.
        seed: of the order of the weights.

    Returns:
        None where the copy is degenerate: its embeddings of different pictures lie on one line, or are not finite.
    """
    return on_one_thread(lambda: _kept_copy(model, seed))


def _kept_copy(model: TorchFaceModel, seed: int) -> TorchFaceModel | None:
    with _keeping:
        if model not in _kept or _kept[model][0] != seed:
            _kept[model] = seed, _made(model, seed)
        return _kept[model][1]


def _made(model: TorchFaceModel, seed: int) -> TorchFaceModel | None:
    """See `randomised_copy`, by what ships where something does."""
    pictures = _turned(_sample_crops(model.info.template))
    known = read_numbers(*_file_and_maker(model, seed), [digest_of(pictures)])
    if known is not None:
        return _settled(model, seed, pictures[:1], known[0])[0]
    made = _settled(model, seed, _shifted(pictures))[0]
    return made if _tells_apart(made, pictures) else None


def save_moments(model: TorchFaceModel, seed: int) -> None:
    """Write what settles the randomised copy of a model, for `randomised_copy`.

    Raises:
        ModelError: that copy is degenerate.
        OutputError: the file cannot be written.
    """
    pictures = _turned(_sample_crops(model.info.template))
    made, moments = on_one_thread(lambda: _settled(model, seed, _shifted(pictures)))
    if not _tells_apart(made, pictures):
        raise ModelError(f"The randomised copy of {model.info.title} is degenerate.")
    save_numbers(*_file_and_maker(model, seed), {digest_of(pictures): moments})


def _file_and_maker(model: TorchFaceModel, seed: int) -> tuple[Path, str, str]:
    # Another version may put the weights in another order.
    made_by = f"seed {seed}, PyTorch {torch.__version__.partition('+')[0]}"
    return shipped(RANDOMISED, model.info.id), model.weights_sha256, made_by


def _settled(
    model: TorchFaceModel, seed: int, pictures: np.ndarray, moments: np.ndarray | None = None
) -> tuple[TorchFaceModel, np.ndarray]:
    """The copy, settled by uint8 (N, S, S, 3) pictures or by these moments; and the moments."""
    network = copy.deepcopy(model.network)
    with torch.no_grad():
        _shuffle(network, torch.Generator().manual_seed(seed))
        with _Settling(network, model.lock, moments) as settling:
            network(model.pixels(pictures))
    made = TorchFaceModel(model.info, network, model.weights_sha256, model.thresholds, model.device)
    return made, settling.moments if moments is None else moments


def _sample_crops(template: Template) -> np.ndarray:
    """uint8 (2, S, S, 3)."""
    return np.stack([face.crop_for(template) for face in _sample_faces()])


@cache
def _sample_faces() -> tuple[AlignedFace, ...]:
    photos = [open_photo(ASSETS / "samples" / f"{name}.jpg") for name in _FACES]
    return tuple(align_face(photo, detected=known_faces(photo)) for photo in photos)


def _shuffle(network: nn.Module, generator: torch.Generator) -> None:
    for weights in network.parameters():
        order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
        weights.copy_(weights.flatten()[order].view_as(weights))


def _turned(crops: np.ndarray) -> np.ndarray:
    """(N, S, S, 3) -> (4N, S, S, 3): as they are, mirrored, upside down, and both."""
    return np.concatenate([crops, crops[:, :, ::-1], crops[:, ::-1], crops[:, ::-1, ::-1]])


def _shifted(crops: np.ndarray) -> np.ndarray:
    """(N, S, S, 3) -> (4N, S, S, 3): moved by some pixels in four directions."""
    return np.concatenate([np.roll(crops, shift, (1, 2)) for shift in ((-6, -2), (-2, 6), (2, -6), (6, 2))])


def _tells_apart(model: TorchFaceModel, pictures: np.ndarray) -> bool:
    """Whether different pictures get embeddings that are finite and not all on one line."""
    try:
        unit = model.embed(pictures).astype(np.float64)
    except ModelError:
        return False
    cosines = (unit @ unit.T)[~np.eye(len(unit), dtype=bool)]
    return bool(np.sqrt(np.mean(np.square(cosines))) < COLLAPSED)


class _Settling(TorchFunctionMode):
    """Within, each layer that meets a batch is changed to give zero mean and unit variance per channel for it.

    A fresh batch normalisation behind it would do the same, so networks without one, or with one that was folded into
    the weights, end like those that have it (data-dependent initialisation: Mishkin and Matas, All you need is a good
    init, ICLR 2016). Batch normalisations take their statistics from the batch. Layers are met by the functions they
    call, since ONNX graphs have no modules; nothing but the numbers in the network's own tensors changes. The device is
    held a layer at a time: the whole takes seconds, and others explain faces meanwhile.

    Args:
        network: the one to settle, by the pictures that it is given within.
        lock: of its device.
        moments: float32 (K,) `moments` of a settling of the same network by other pictures, which decide instead.
    """

    def __init__(self, network: nn.Module, lock: DeviceLock, moments: np.ndarray | None = None) -> None:
        super().__init__()
        self._lock, self._met = lock, list[Tensor]()
        self._known = None if moments is None else torch.from_numpy(moments)
        self._own = {_address(tensor) for tensor in (*network.parameters(), *network.buffers())}

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        with self._lock():
            return self._settled(function, args, kwargs or {})

    def _settled(self, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) > 1 and isinstance(args[1], Tensor) and _address(args[1]) in self._own:
            bias = args[2] if len(args) > 2 else kwargs.get("bias")
            if function is F.batch_norm:
                self._settle_statistics(*args[:3])
            elif function in _CONVOLUTIONS:
                return self._settle(function(*args, **kwargs), args[1], bias, channels=1)
            elif function is F.linear or (function in _PRODUCTS and args[1].ndim == 2):
                weights = args[1] if function is F.linear else args[1].T
                if bias is None:
                    self._centre(args[0], weights)
                return self._settle(function(*args, **kwargs), weights, bias, channels=-1)
        return function(*args, **kwargs)

    @property
    def moments(self) -> np.ndarray:
        """float32 (K,) mean and variance of the channels of each layer, in the order in which they were met."""
        return torch.cat(self._met).cpu().numpy()

    def _moments(self, values: Tensor, channels: int) -> Tensor:
        """(2, C) mean and variance of each channel, over all other axes. `torch.var_mean` takes seven times as long."""
        if self._known is None:
            axes = [axis for axis in range(values.ndim) if axis != channels % values.ndim]
            mean = values.mean(axes, keepdim=True)
            self._met.append(torch.cat([mean.flatten(), (values - mean).square_().mean(axes)]))
            return self._met[-1].view(2, -1)
        both = 2 * values.shape[channels]
        found, self._known = self._known[:both], self._known[both:]
        return found.to(values.device).view(2, -1)

    def _settle_statistics(self, given: Tensor, mean: Tensor, variance: Tensor) -> None:
        """Give a batch normalisation of (N, C, ...) the statistics of what it is given."""
        found = self._moments(given, 1)
        mean.copy_(found[0])
        variance.copy_(found[1])

    def _settle(self, output: Tensor, weights: Tensor, bias: Tensor | None, channels: int) -> Tensor:
        """Scale weights (C, ...) and shift the bias (C,) for a unit variance and a mean of zero of each channel.

        Channels that do not vary stay as they are. Returns what the layer then gives instead of the output.
        """
        mean, variance = self._moments(output, channels)
        varies = variance > _LEAST_VARIANCE * mean.square()
        scale = torch.where(varies, variance.sqrt(), 1.0)
        shift = torch.where(varies, mean, 0.0) if bias is not None else torch.zeros_like(mean)
        weights.div_(scale.view(-1, *[1] * (weights.ndim - 1)))
        if bias is not None:
            bias.sub_(shift).div_(scale)
        return ((output.movedim(channels, -1) - shift) / scale).movedim(-1, channels)

    def _centre(self, given: Tensor, weights: Tensor) -> None:
        """Take the mean of what a layer without bias is given, (..., D), out of its weights (C, D): its output has mean
        0. Nothing is taken where nothing varies.
        """
        mean, variance = self._moments(given, -1)
        if (variance > _LEAST_VARIANCE * mean.square()).any():
            weights.sub_(
                torch.outer(weights @ mean, mean) / mean.square().sum().clamp_min(torch.finfo(mean.dtype).tiny)
            )


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
