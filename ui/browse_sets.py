"""The sets of pairs that can be browsed: Patch-LFW, LFW, and the sample photographs where there is no LFW."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import streamlit as st

from ui.pair_picker import lfw_title, sample_pairs, sample_title
from ui.state import engine, lfw_at, lfw_folder, read_photo
from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import LfwPair
from xssab_core.errors import DataError, PhotoError
from xssab_core.faces import AlignedFace, align_face
from xssab_core.gallery.scores import PairScores
from xssab_core.gallery.thumbnails import outline, patched_png
from xssab_core.metrics import cosine
from xssab_core.models import FaceModel
from xssab_core.patch_lfw.generator import PATCHES, PatchLfw
from xssab_core.paths import ASSETS
from xssab_core.render import png

PATCH_LFW, LFW, SAMPLES = "Patch-LFW", "LFW", "Samples"


@dataclass(frozen=True)
class Face:
    """One face on a card.

    Attributes:
        name: shown below it.
        alt: what a reader who cannot see it should know; shown where there is no picture.
        png: the crop.
        outline: SVG path around its patches, in pixels of the crop.
    """

    name: str
    alt: str
    png: bytes | None
    outline: str = ""


class PairSet(Protocol):
    """A set of pairs. Its table has the columns of `PairScores.table`."""

    @property
    def name(self) -> str:
        """As the pair picker of Inspect calls it."""
        ...

    @property
    def score(self) -> str:
        """The column of its scores."""
        ...

    @property
    def known(self) -> str:
        """The column that tells whether a row is finished."""
        ...

    @property
    def table(self) -> pd.DataFrame: ...

    def faces(self, index: int) -> tuple[Face, Face]:
        """Probe and reference; never raises for a damaged image."""
        ...

    def crops(self, index: int) -> tuple[np.ndarray, np.ndarray] | None:
        """uint8 (S, S, 3) of probe and reference as the model sees them; None where there is none."""
        ...

    def query(self, index: int) -> dict[str, str]:
        """What in the URL of Inspect names the pair."""
        ...


def set_names() -> list[str]:
    """The sets there are; LFW where the user has it."""
    return [PATCH_LFW, LFW] if lfw_folder() else [SAMPLES]


def open_set(name: str, model: FaceModel) -> PairSet:
    """A set under a model.

    Raises:
        DataError: the folder given is not LFW.
    """
    if name == SAMPLES:
        return _samples(model.info.id, model.weights_sha256)
    folder = lfw_folder() or ""
    scores = pair_scores(folder, model.info.id, model.weights_sha256)
    size = scores.journal.stat().st_size if scores.journal.exists() else 0
    return LfwSet(name, scores, _table(folder, model.info.id, model.weights_sha256, size))


@st.cache_resource(ttl=600, max_entries=8, show_spinner="Reading the LFW pairs")
def pair_scores(folder: str, model_id: str, weights_sha256: str) -> PairScores:
    """The scores of the LFW in a folder under a model; its images are read once in a while."""
    model, cache = engine().model(model_id), CropCache.default()
    return PairScores(PatchLfw(lfw_at(folder), cache, model.info.template), model, cache.folder)


@st.cache_resource(ttl=600, max_entries=8, show_spinner="Reading the scores")
def _table(folder: str, model_id: str, weights_sha256: str, journal_size: int) -> pd.DataFrame:
    return pair_scores(folder, model_id, weights_sha256).table()


@dataclass(frozen=True, eq=False)
class LfwSet:
    """LFW, or Patch-LFW by its name."""

    name: str
    scores: PairScores
    table: pd.DataFrame

    @property
    def is_patched(self) -> bool:
        """Whether the probes are patched."""
        return self.name == PATCH_LFW

    @property
    def score(self) -> str:
        """See `PairSet`."""
        return "patched_score" if self.is_patched else "clean_score"

    @property
    def known(self) -> str:
        """See `PairSet`."""
        return "patched_known" if self.is_patched else "clean_known"

    def faces(self, index: int) -> tuple[Face, Face]:
        """See `PairSet`."""
        pair = self._pair(index)
        names = [path.stem.replace("_", " ") for path in (pair.probe, pair.reference)]
        return self._face("Probe", pair, names[0]), self._face("Reference", pair, names[1])

    def _face(self, side: str, pair: LfwPair, name: str) -> Face:
        generator, patched = self.scores.generator, self.is_patched and side == "Probe"
        try:
            if patched:
                picture = patched_png(self.scores, pair)
            else:
                picture = generator.cache.crop_png(
                    pair.probe if side == "Probe" else pair.reference, generator.template
                )
        except (PhotoError, DataError) as error:
            return Face(name, str(error), None)
        if picture is None:
            return Face(name, f"{side}: no face was found.", None)
        if patched:
            alt = f"{side}, {name}, with {PATCHES} patches of another face"
            return Face(name, alt, picture, outline(generator.mask(pair)))
        return Face(name, f"{side}, {name}", picture)

    def crops(self, index: int) -> tuple[np.ndarray, np.ndarray] | None:
        """See `PairSet`."""
        pair, generator = self._pair(index), self.scores.generator
        with contextlib.suppress(PhotoError, DataError):
            if self.is_patched:
                made = generator.build(pair)
                return None if made is None else (made.patched, made.reference)
            probe, reference = (generator.cache.crop(path, generator.template) for path in (pair.probe, pair.reference))
            return None if probe is None or reference is None else (probe, reference)
        return None

    def query(self, index: int) -> dict[str, str]:
        """See `PairSet`."""
        return {"source": self.name, "lfw": lfw_title(self._pair(index))}

    def _pair(self, index: int) -> LfwPair:
        return next(pair for pair in self.scores.generator.lfw.pairs if pair.index == index)


@st.cache_resource(show_spinner="Scoring the sample pairs")
def _samples(model_id: str, weights_sha256: str) -> SampleSet:
    model = engine().model(model_id)
    template = model.info.template
    faces = {name: _sample_face(name) for pair in sample_pairs() for name in pair}
    crops = {name: face.crop_for(template) for name, face in faces.items()}
    embeddings = dict(zip(crops, engine().embed(model, list(crops.values())), strict=True))
    rows = []
    for index, (first, second) in enumerate(sample_pairs()):
        people = [name.rsplit("_", 1)[0].replace("_", " ").title() for name in (first, second)]
        rows.append(
            {
                "id": f"{first}~{second}",
                "index": index,
                "fold": 0,
                "genuine": people[0] == people[1],
                "mislabelled": False,
                "probe_identity": people[0],
                "reference_identity": people[1],
                "donor": "",
                "clean_score": cosine(embeddings[first], embeddings[second]),
                "clean_known": True,
            }
        )
    return SampleSet(pd.DataFrame(rows), {name: png(crop) for name, crop in crops.items()}, crops)


def _sample_face(name: str) -> AlignedFace:
    photo = read_photo(ASSETS / "samples" / f"{name}.jpg")
    return align_face(photo, detected=engine().faces(photo))


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Every pair of sample photographs, not patched."""

    table: pd.DataFrame
    pictures: dict[str, bytes]
    pixels: dict[str, np.ndarray]
    name: str = SAMPLES
    score: str = "clean_score"
    known: str = "clean_known"

    def faces(self, index: int) -> tuple[Face, Face]:
        """See `PairSet`."""
        first, second = (
            Face(title := name.replace("_", " ").title(), f"{side}, {title}", self.pictures[name])
            for side, name in zip(("Probe", "Reference"), sample_pairs()[index], strict=True)
        )
        return first, second

    def crops(self, index: int) -> tuple[np.ndarray, np.ndarray] | None:
        """See `PairSet`."""
        first, second = (self.pixels[name] for name in sample_pairs()[index])
        return first, second

    def query(self, index: int) -> dict[str, str]:
        """See `PairSet`."""
        return {"source": SAMPLES, "sample": sample_title("~".join(sample_pairs()[index]))}
