"""The cached core: models loaded once, photographs decoded once, faces found once, pairs examined once; shared by all
users of a process."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from xssab_core.device import choose_device, on_one_thread, side_by_side
from xssab_core.explain import Evidence, Explanation, explain, method_of
from xssab_core.explain.base import decision_threshold
from xssab_core.faces import AlignedFace, DetectedFace, Pair, Photo, best_turn, detect_faces, open_photo
from xssab_core.faces.known import known_faces
from xssab_core.findings.flip import Fill, FlipSet, flip_set
from xssab_core.findings.ledger import Measured, measure
from xssab_core.models import load_model, revision_of
from xssab_core.models.base import FaceModel, Threshold, TorchFaceModel
from xssab_core.progress import Progress, State, ignore
from xssab_core.quality.standing import figures
from xssab_core.render import png
from xssab_core.replay.case import (
    PERMUTATIONS,
    Line,
    Replay,
    case_of,
    known_at_random,
    play,
    play_another,
    play_at_random,
)
from xssab_core.trust.checks import Trust, assess
from xssab_core.work.caches import LruCache, Once

EVIDENCE_BYTES = 1 * 2**30
DECODED_BYTES = 512 * 2**20
DRAWN_BYTES = 128 * 2**20
EMBEDDINGS_KEPT = 20_000
PHOTOS_KEPT = 2_000
MODELS_TIMED = 64
PAIRS_PLAYED = 1_000
REPLAYS_KEPT = 2_000
EXPLANATIONS_KEPT = 100
FINDINGS_KEPT = 200


@dataclass(frozen=True)
class Examined:
    """Evidence about a pair, and how many seconds it took to gather when it was."""

    evidence: Evidence
    seconds: float


class Engine:
    """One per process. Keys are digests of files, of crops and of weights, so equal input is never computed twice and
    nobody reaches a picture whose bytes they do not have."""

    def __init__(self, device: torch.device | str | None = None, uses_shipped: bool = True) -> None:
        """Args:
        device: where models compute; the best there is unless given.
        uses_shipped: take what was computed beforehand and ships; without, all is computed here.
        """
        self.device = choose_device() if device is None else torch.device(device)
        self._uses_shipped = uses_shipped
        self._models: dict[str, tuple[Hashable, FaceModel]] = {}
        self._loading = threading.Lock()
        self._photos: LruCache[Photo] = LruCache(DECODED_BYTES, lambda photo: photo.pixels.nbytes + len(photo.data))
        self._drawn: LruCache[bytes] = LruCache(DRAWN_BYTES, len)
        self._faces: LruCache[tuple[DetectedFace, ...]] = LruCache(PHOTOS_KEPT)
        self._turns: LruCache[int] = LruCache(PHOTOS_KEPT)
        self._quality: LruCache[dict[str, float]] = LruCache(PHOTOS_KEPT)
        self._embeddings: LruCache[np.ndarray] = LruCache(EMBEDDINGS_KEPT)
        self._together: LruCache[np.ndarray] = LruCache(REPLAYS_KEPT)
        self._at_random: LruCache[np.ndarray] = LruCache(PAIRS_PLAYED)
        self._explained = Once(EXPLANATIONS_KEPT)
        self._findings = Once(FINDINGS_KEPT)
        self._seconds: LruCache[float] = LruCache(MODELS_TIMED)
        self._examined: LruCache[Examined] = LruCache(EVIDENCE_BYTES, lambda examined: examined.evidence.nbytes)

    def model(self, model_id: str, progress: Progress = ignore) -> FaceModel:
        """A model as the store has it now, loaded on first use and again once its weights or thresholds there changed.

        Whoever holds a model keeps it: work in flight ends on the model it began with.
        """
        revision = revision_of(model_id)
        known = self._models.get(model_id)
        if known is None or known[0] != revision:
            with self._loading:
                known = self._models.get(model_id)
                if known is None or known[0] != revision:
                    model = load_model(model_id, self.device, progress)
                    # Loading may bring weights into the store, which is part of the revision.
                    known = self._models[model_id] = revision_of(model_id), model
        return known[1]

    def photo(self, data: bytes, name: str) -> Photo:
        """`open_photo` of the bytes of a file under that name, decoded once."""
        key = hashlib.sha256(data).hexdigest(), name
        photo = self._photos.get(key)
        if photo is None:
            photo = open_photo(data, name)
            self._photos.put(key, photo)
        return photo

    def drawn(self, key: Hashable, draw: Callable[[], np.ndarray]) -> bytes:
        """PNG of a uint8 picture of photographs, drawn once.

        Args:
            key: what it is, with `Photo.key` of each photograph in it.
            draw: makes the picture.
        """
        found = self._drawn.get(key)
        if found is None:
            found = png(draw(), quick=True)
            self._drawn.put(key, found)
        return found

    def forget(self, photo_sha256: str) -> None:
        """Keep nothing that was computed from a photograph: its pixels, its faces, the evidence about its pairs, and
        the embeddings, all of them, since they are filed under their crops and come back in milliseconds."""
        for cache in (
            self._photos,
            self._drawn,
            self._faces,
            self._turns,
            self._quality,
            self._at_random,
            self._findings,
            self._explained,
            self._examined,
        ):
            cache.forget(photo_sha256)
        self._embeddings.clear()
        self._together.clear()

    def faces(self, photo: Photo) -> tuple[DetectedFace, ...]:
        """The faces of a photograph, largest first."""
        found = self._faces.get(photo.key)
        if found is None:
            found = (known_faces(photo) if self._uses_shipped else None) or detect_faces(photo)
            self._faces.put(photo.key, found)
        return found

    def better_turn(self, photo: Photo) -> int:
        """`best_turn` of a photograph in which no face was found, looked for once."""
        turn = self._turns.get(photo.key)
        if turn is None:
            turn = best_turn(photo)
            self._turns.put(photo.key, turn)
        return turn

    def quality(self, model: FaceModel, face: AlignedFace) -> dict[str, float]:
        """`figures` of a face, measured once."""
        key = model.weights_sha256, face.key
        found = self._quality.get(key)
        if found is None:
            found = figures(face, model)
            self._quality.put(key, found)
        return found

    def embed(self, model: FaceModel, crops: Sequence[np.ndarray]) -> np.ndarray:
        """float32 (N, D) unit embeddings of uint8 (S, S, 3) crops; only new crops are computed."""
        keys = [(model.weights_sha256, _digest(crop)) for crop in crops]
        known = {key: self._embeddings.get(key) for key in keys}
        missing = {key: crop for key, crop in zip(keys, crops, strict=True) if known[key] is None}
        if missing:
            for key, row in zip(missing, model.embed(np.stack(list(missing.values()))), strict=True):
                known[key] = row
                self._embeddings.put(key, row)
        return np.stack([row for key in keys if (row := known[key]) is not None])

    def _embed_together(self, model: FaceModel, crops: np.ndarray) -> np.ndarray:
        """`embed` of the model, once for the same crops in the same order, beside which none of them is known: the last
        bits of an embedding hang on the crops it is computed with."""
        key = model.weights_sha256, _digest(crops)
        known = self._together.get(key)
        if known is None:
            known = model.embed(crops)
            self._together.put(key, known)
        return known

    def play(self, model: FaceModel, pair: Pair, shown: Explanation) -> Replay:
        """`play` of the case of a pair as the benchmark computes it, each order once and on one thread."""
        case, embed = case_of(pair, model.info.template), partial(self._embed_together, model)
        return play(embed, case, shown, side_by_side if isinstance(model, TorchFaceModel) else map)

    def play_another(self, model: FaceModel, pair: Pair, shown: Explanation) -> Line:
        """`play_another` of the case of a pair, in the same way."""
        case = case_of(pair, model.info.template)
        return on_one_thread(lambda: play_another(partial(self._embed_together, model), case, shown))

    def play_at_random(self, model: FaceModel, pair: Pair, progress: Progress = ignore) -> np.ndarray:
        """The scores of `play_at_random` of a pair, each order computed once: a call goes on where one before it was
        stopped."""
        key = model.weights_sha256, pair.key
        known = self.known_at_random(model, pair)
        if known is not None:
            return known

        def work(told: Progress) -> np.ndarray:
            def keep(state: State) -> None:
                if state.partial is not None:
                    self._at_random.put(key, state.partial)
                told(state)

            case = case_of(pair, model.info.template)
            return play_at_random(model, case, progress=keep, known=self._at_random.get(key))

        return self._findings.get(("random", key), work, progress)

    def known_at_random(self, model: FaceModel, pair: Pair) -> np.ndarray | None:
        """All scores of `play_at_random` of a pair, where they were computed here before or ship; None elsewhere."""
        seen = self._seen_at_random(model, pair)
        return seen if seen is not None and len(seen) == PERMUTATIONS else None

    def _seen_at_random(self, model: FaceModel, pair: Pair) -> np.ndarray | None:
        """The scores of the first orders of `play_at_random` of a pair."""
        key = model.weights_sha256, pair.key
        seen = self._at_random.get(key)
        if seen is None and self._uses_shipped:
            seen = known_at_random(model, case_of(pair, model.info.template))
            if seen is not None:
                self._at_random.put(key, seen)
        return seen

    def hidden_regions(self, model: FaceModel, pair: Pair, progress: Progress = ignore) -> Measured:
        """`measure` of a pair, once."""
        key = "regions", model.weights_sha256, pair.key
        return self._findings.get(key, lambda told: measure(model, pair, told), progress)

    def flip_set(
        self, model: FaceModel, pair: Pair, shown: Explanation, fill: Fill, progress: Progress = ignore
    ) -> FlipSet:
        """`flip_set` of what `explain` says of a pair, once; from what a replay that blurs too has found out of random
        orders so far."""
        key = "flip", fill, _said_by(model, pair, shown)

        def work(told: Progress) -> FlipSet:
            blurs = fill == "blur" and case_of(pair, model.info.template).mask is None
            seen = self._seen_at_random(model, pair) if blurs else None
            return flip_set(model, pair, shown, fill, told, () if seen is None else list(seen))

        return self._findings.get(key, work, progress)

    def trust(self, model: FaceModel, pair: Pair, shown: Explanation, progress: Progress = ignore) -> Trust:
        """`assess` of what `explain` says of a pair by a quick method, once, beside no other method."""
        key = "trust", _said_by(model, pair, shown)

        def work(told: Progress) -> Trust:
            return on_one_thread(lambda: assess(model, pair, shown, progress=told))

        return self._findings.get(key, work, progress)

    def seconds_a_pass(self, model: FaceModel) -> float:
        """CPU time of one crop on one thread, the best of three, measured once: what else the machine does plays no
        part."""
        known = self._seconds.get(model.weights_sha256)
        if known is None:
            side = model.info.template.size
            crop = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)

            def seconds() -> float:
                started = time.thread_time()
                model.embed(crop)
                return time.thread_time() - started

            known = on_one_thread(lambda: min(seconds() for _ in range(3)))
            self._seconds.put(model.weights_sha256, known)
        return known

    def seconds_for(self, model: FaceModel, passes: int) -> float:
        """About how long so many passes take when every CPU thread makes some of them."""
        return passes * self.seconds_a_pass(model) / torch.get_num_threads()

    def ordering(self, model: FaceModel, pair: Pair, shown: Explanation) -> Explanation:
        """What orders the pixels where `shown` is shown: the same map, before its blur where that is for the eye."""
        if not (shown.method.ordered_unblurred and shown.blur):
            return shown
        return self.explain(model, pair, shown.method.id, shown.threshold, blur=False)

    def is_examined(self, model: FaceModel, pair: Pair, method: str) -> bool:
        """Whether an explanation of this pair would cost no forward pass."""
        return self._known(model, pair, method) is not None

    def explain(
        self,
        model: FaceModel,
        pair: Pair,
        method: str = "xssab",
        threshold: float | str | Threshold | None = None,
        blur: bool = True,
        progress: Progress = ignore,
    ) -> Explanation:
        """`xssab_core.explain`, once for each threshold, with the forward passes of pairs seen before kept; on one
        thread where that is due."""
        decides, info = decision_threshold(model, threshold), method_of(method).info
        key = _key(model, pair, method), method, decides, blur

        def work(told: Progress) -> Explanation:
            found = partial(self._explain, model, pair, method, decides, blur, told)
            return on_one_thread(found) if info.is_quick else found()

        return self._explained.get(key, work, progress)

    def _explain(
        self, model: FaceModel, pair: Pair, method: str, threshold: Threshold, blur: bool, progress: Progress
    ) -> Explanation:
        crops, examined = pair.crops_for(model.info.template), self._known(model, pair, method)
        if examined is None:
            started = time.perf_counter()
            evidence = method_of(method).examine(model, *crops, progress)
            examined = Examined(evidence, time.perf_counter() - started)
            self._examined.put(_key(model, pair, method), examined)
            for crop, row in zip(crops, evidence.embeddings, strict=True):
                self._embeddings.put((model.weights_sha256, _digest(crop)), row)
        result = explain(model, *crops, method, threshold, blur, evidence=examined.evidence)
        return replace(result, seconds=result.seconds | {"examine": examined.seconds})

    def _known(self, model: FaceModel, pair: Pair, method: str) -> Examined | None:
        """What was examined here before, or ships."""
        key = _key(model, pair, method)
        examined = self._examined.get(key)
        if examined is None:
            crops = pair.crops_for(model.info.template)
            evidence = method_of(method).known(model, *crops) if self._uses_shipped else None
            if evidence is not None:
                examined = Examined(evidence, 0.0)
                self._examined.put(key, examined)
        return examined


def _key(model: FaceModel, pair: Pair, method: str) -> Hashable:
    return method_of(method).evidence_key(model), pair.key


def _said_by(model: FaceModel, pair: Pair, shown: Explanation) -> Hashable:
    """All that decides an explanation."""
    return _key(model, pair, shown.method.id), shown.method.id, shown.threshold, shown.blur


def _digest(crop: np.ndarray) -> bytes:
    return hashlib.sha256(crop.tobytes()).digest()
