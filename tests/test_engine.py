"""The cached core: eight users at once get what one user gets, and nothing is computed twice."""

import gc
import io
import os
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import numpy as np
import pytest
import torch
from PIL import Image

from xssab_core import align_face, device, explain, paths
from xssab_core.device import DeviceLock, Urgency, on_one_thread, with_urgency
from xssab_core.engine import DECODED_BYTES, Engine
from xssab_core.explain import METHODS
from xssab_core.faces import Pair
from xssab_core.models.adding import add_checkpoint
from xssab_core.models.calibration import Calibration, calibration_path
from xssab_core.models.zoo import iresnet
from xssab_core.patch_lfw.generator import PatchedFace, uniform_positions
from xssab_core.paths import ASSETS


@pytest.fixture
def engine(sface) -> Engine:
    return Engine("cpu")


@pytest.fixture
def passes(engine, monkeypatch) -> list[int]:
    """How many images each forward pass of the model had, in order."""
    seen: list[int] = []
    network = engine.model("sface").network
    forward = type(network).forward

    def counted(self: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
        seen.append(len(pixels))
        return forward(self, pixels)

    monkeypatch.setattr(type(network), "forward", counted)
    return seen


@pytest.mark.slow
def test_eight_threads_on_different_pairs_equal_the_serial_result_bit_for_bit(samples) -> None:
    pairs = list(permutations(samples.values(), 2))[:16]
    thresholds = [0.1, 0.3057, 0.5]

    def work(engine: Engine, index: int) -> list[dict[str, np.ndarray]]:
        pair, model = Pair(*pairs[index % len(pairs)]), engine.model("sface")
        return [engine.explain(model, pair, threshold=value).maps() for value in thresholds]

    alone, shared = Engine("cpu"), Engine("cpu")
    serial = [work(alone, index) for index in range(16)]
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(lambda index: work(shared, index), [*range(16), *range(16)]))
    for index, results in enumerate(parallel):
        for found, expected in zip(results, serial[index % 16], strict=True):
            for name, values in expected.items():
                np.testing.assert_array_equal(found[name], values)


def test_a_threshold_move_costs_no_forward(engine, samples, passes) -> None:
    pair = samples["barack_obama_1"], samples["joe_biden_1"]
    first = engine.explain(engine.model("sface"), Pair(*pair), threshold=0.2)
    assert passes == [2]
    second = engine.explain(engine.model("sface"), Pair(*pair), threshold=0.4)
    assert passes == [2]
    assert not np.array_equal(first.probe.combined, second.probe.combined)
    assert engine.is_examined(engine.model("sface"), Pair(*pair), "xssab")


def test_embeddings_of_an_examined_pair_are_known(engine, samples, passes) -> None:
    faces = [samples["barack_obama_1"], samples["joe_biden_1"]]
    result = engine.explain(engine.model("sface"), Pair(*faces))
    found = engine.embed(engine.model("sface"), [face.crop for face in faces])
    assert passes == [2]
    np.testing.assert_array_equal(found, result.embeddings)


def test_equal_crops_are_embedded_once(engine, samples, passes) -> None:
    crop, other = samples["barack_obama_1"].crop, samples["joe_biden_1"].crop
    found = engine.embed(engine.model("sface"), [crop, other, crop])
    assert passes == [2]
    np.testing.assert_array_equal(found[0], found[2])


def test_one_changed_pixel_is_another_picture(engine, samples, passes) -> None:
    crop = samples["barack_obama_1"].crop
    changed = crop.copy()
    changed[50, 50, 0] ^= 1
    first, second = engine.embed(engine.model("sface"), [crop]), engine.embed(engine.model("sface"), [changed])
    assert passes == [1, 1]
    assert not np.array_equal(first, second)


def test_a_model_is_loaded_once_for_all_threads() -> None:
    engine = Engine("cpu")
    with ThreadPoolExecutor(8) as pool:
        models = list(pool.map(lambda _: engine.model("sface"), range(8)))
    assert len({id(model) for model in models}) == 1


def test_kept_evidence_is_weighed_and_bounded(engine, samples) -> None:
    pair = samples["barack_obama_1"], samples["joe_biden_1"]
    engine.explain(engine.model("sface"), Pair(*pair))
    (examined,) = engine._examined._values.values()
    # The activations of a batch of two: more than its input, less than 300 MiB.
    assert 2 * 3 * 112 * 112 * 4 < examined.evidence.nbytes < 300 * 2**20


def test_evidence_that_made_room_is_freed(engine, samples) -> None:
    engine.explain(engine.model("sface"), Pair(samples["barack_obama_1"], samples["joe_biden_1"]))
    (examined,) = engine._examined._values.values()
    pixels = weakref.ref(examined.evidence.pixels)
    del examined
    engine._examined._values.clear()
    gc.collect()
    assert pixels() is None


def test_the_device_is_lent_in_order_of_arrival() -> None:
    lock, order, ready = DeviceLock(), [], threading.Event()

    def long_job() -> None:
        for step in range(3):
            with lock():
                ready.set()
                if step == 0:
                    released.wait(5)
                order.append(f"long {step}")

    def short_job() -> None:
        with lock():
            order.append("short")

    released = threading.Event()
    long_thread = threading.Thread(target=long_job)
    long_thread.start()
    ready.wait(5)
    short_thread = threading.Thread(target=short_job)
    short_thread.start()
    while not lock._waiting[Urgency.PAGE]:
        time.sleep(0.001)
    released.set()
    long_thread.join(5)
    short_thread.join(5)
    assert order == ["long 0", "short", "long 1", "long 2"]


def test_the_device_serves_the_most_urgent_first_and_starves_nobody() -> None:
    lock, order, began = DeviceLock(), [], threading.Event()
    everybody_waits = threading.Event()

    def hold() -> None:
        with lock():
            began.set()
            everybody_waits.wait(5)

    def take(name: str, urgency: Urgency) -> None:
        with with_urgency(urgency), lock():
            order.append(name)

    threads = [threading.Thread(target=hold)]
    threads[0].start()
    began.wait(5)
    checks, asked = [("check", Urgency.UNASKED)], [("job 0", Urgency.ASKED), ("job 1", Urgency.ASKED)]
    for name, urgency in [*checks, *asked, *((f"page {n}", Urgency.PAGE) for n in range(10))]:
        threads.append(threading.Thread(target=take, args=(name, urgency)))
        threads[-1].start()
        while sum(map(len, lock._waiting.values())) < len(threads) - 1:
            time.sleep(0.001)
    everybody_waits.set()
    for thread in threads:
        thread.join(5)
    pages = [f"page {number}" for number in range(10)]
    assert order == [*pages[:8], "job 0", "check", *pages[8:], "job 1"]
    assert not any(lock._taken.values())


@pytest.mark.parametrize("gives_way", [True, False])
def test_a_page_waits_for_other_pages_and_for_work_that_does_not_give_way(gives_way: bool) -> None:
    lock, order, may_end = DeviceLock(1, gives_way), [], threading.Event()

    def take(name: str, urgency: Urgency, until: threading.Event | None = None) -> threading.Thread:
        begun = threading.Event()

        def run() -> None:
            with with_urgency(urgency), lock():
                order.append(name)
                begun.set()
                if until is not None:
                    until.wait(5)

        waiting = sum(map(len, lock._waiting.values()))
        thread = threading.Thread(target=run)
        thread.start()
        while not begun.is_set() and sum(map(len, lock._waiting.values())) == waiting:
            time.sleep(0.001)
        return thread

    check = take("check", Urgency.UNASKED, may_end)
    while order != ["check"]:
        time.sleep(0.001)
    page_may_end = threading.Event()
    page = take("page", Urgency.PAGE, page_may_end)
    time.sleep(0.1)
    assert order == (["check", "page"] if gives_way else ["check"])
    others = [take("job", Urgency.ASKED), take("next page", Urgency.PAGE)]
    time.sleep(0.1)
    assert order[2:] == []
    page_may_end.set()
    may_end.set()
    for thread in (check, page, *others):
        thread.join(5)
    assert order == ["check", "page", "next page", "job"]
    assert not any(lock._taken.values())


@pytest.mark.alone
def test_a_call_on_one_thread_keeps_its_urgency_and_holds_up_no_page() -> None:
    begun, over = threading.Event(), threading.Event()

    def work() -> Urgency:
        begun.set()
        over.wait(5)
        return device._urgency.get()

    def job() -> Urgency:
        with with_urgency(Urgency.ASKED):
            return on_one_thread(work)

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(job)
        begun.wait(5)
        assert on_one_thread(device._urgency.get) is Urgency.PAGE
        assert not found.done()
        over.set()
        assert found.result(5) is Urgency.ASKED


@pytest.mark.alone
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
def test_work_behind_a_page_gets_less_of_the_processor_and_the_page_what_it_had() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def asked() -> int:
        with with_urgency(Urgency.ASKED):
            return on_one_thread(niceness)

    assert asked() == min(19, niceness() + 5)
    assert on_one_thread(niceness) == niceness()


@pytest.mark.alone
def test_a_call_on_one_thread_gives_what_one_thread_gives_and_leaves_the_others_their_number(sface, samples) -> None:
    threads = torch.get_num_threads()

    def explained() -> np.ndarray:
        return explain(sface, samples["barack_obama_1"], samples["joe_biden_1"]).probe.combined

    with ThreadPoolExecutor(4) as users:
        maps = list(users.map(lambda _: on_one_thread(explained), range(8)))
        numbers = list(users.map(lambda _: torch.get_num_threads(), range(4)))
    assert on_one_thread(torch.get_num_threads) == 1
    assert torch.get_num_threads() == threads
    assert numbers == [threads] * 4
    torch.set_num_threads(1)
    try:
        expected = explained()
    finally:
        torch.set_num_threads(threads)
    for values in maps:
        np.testing.assert_array_equal(values, expected)


def test_a_call_on_one_thread_raises_what_the_call_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        on_one_thread(lambda: 1 / 0)


QUICK = [name for name, method in METHODS.items() if method.info.is_quick]


@pytest.mark.parametrize("method", QUICK)
def test_maps_of_quick_methods_are_those_of_one_thread(engine, samples, method) -> None:
    model, pair = engine.model("sface"), Pair(samples["barack_obama_1"], samples["joe_biden_1"])
    found = engine.explain(model, pair, method, threshold=0.3)
    expected = on_one_thread(lambda: explain(model, *pair, method, threshold=0.3))
    np.testing.assert_array_equal(found.probe.combined, expected.probe.combined)
    np.testing.assert_array_equal(found.reference.combined, expected.reference.combined)


def test_pixels_are_ordered_by_the_map_before_a_blur_for_the_eye(engine, samples) -> None:
    model, pair = engine.model("sface"), Pair(samples["barack_obama_1"], samples["joe_biden_1"])
    for method in ("xssab", "layered"):
        shown = engine.explain(model, pair, method, threshold=0.3)
        ordering, wanted = engine.ordering(model, pair, shown), engine.explain(model, pair, method, 0.3, blur=False)
        np.testing.assert_array_equal(ordering.probe.combined, wanted.probe.combined)
        assert (ordering is shown) == (method == "layered")
        assert engine.ordering(model, pair, ordering) is ordering
        assert np.array_equal(ordering.probe.combined, shown.probe.combined) == (method == "layered")


@pytest.mark.slow
def test_findings_are_measured_once_whoever_asks_and_anew_for_another_threshold_or_a_given_photograph(
    engine, samples
) -> None:
    model, pair = engine.model("sface"), Pair(samples["barack_obama_1"], samples["joe_biden_1"])
    shown, alike, other = (engine.explain(model, pair, "layered", threshold) for threshold in (0.3, 0.3, 0.1))
    findings = (
        lambda explanation: engine.hidden_regions(model, pair),
        lambda explanation: engine.flip_set(model, pair, explanation, "partner"),
        lambda explanation: engine.trust(model, pair, explanation),
    )
    found = []
    with ThreadPoolExecutor(2) as pool:
        for ask in findings:
            first, second = pool.map(ask, (shown, alike))
            assert first is second
            found.append(first)
    assert engine.flip_set(model, pair, other, "partner").explanation is other
    assert engine.trust(model, pair, other).threshold == other.threshold
    engine.forget(pair.probe.photo.sha256)
    assert engine.hidden_regions(model, pair) is not found[0]


@pytest.fixture
def own_model(tmp_path, monkeypatch, samples) -> str:
    """A small network in a store of this test's own, as `models add` leaves it."""
    monkeypatch.setenv("XSSAB_HOME", str(tmp_path))
    _add(seed=0)
    return "mine"


def _add(seed: int) -> None:
    torch.manual_seed(seed)
    network = iresnet.iresnet(18)
    state = {key.removeprefix("backbone."): value for key, value in network.state_dict().items()}
    file = paths.home() / "given.pth"
    paths.home().mkdir(exist_ok=True)
    torch.save(state, file)
    add_checkpoint("mine", file, "iresnet18", replacing=True)


def test_a_calibration_made_elsewhere_shows_on_the_next_question(own_model) -> None:
    engine = Engine("cpu")
    before = engine.model(own_model)
    assert before.thresholds == ()
    for scores in ((0.1, 0.9), (0.3, 0.7)):
        known = dict.fromkeys(("genuine_folds", "impostor_folds"), np.zeros(1, dtype=int))
        impostor, genuine = (np.array([score]) for score in scores)
        Calibration(own_model, before.weights_sha256, "a test", "2026-01-01", 2, genuine, impostor, **known).save(
            calibration_path(own_model)
        )
        assert engine.model(own_model).thresholds[0].value == pytest.approx(0.5, abs=0.2)
        assert len(engine.model(own_model).thresholds) == 1
    assert before.thresholds == ()


@pytest.mark.slow
def test_replaced_weights_show_on_the_next_question_and_work_in_flight_ends_on_the_old_ones(own_model, samples) -> None:
    engine, pair = Engine("cpu"), Pair(samples["barack_obama_1"], samples["joe_biden_1"])
    before = engine.model(own_model)
    first = engine.explain(before, pair, threshold=0.3)
    _add(seed=1)
    after = engine.model(own_model)
    assert after.weights_sha256 != before.weights_sha256
    assert engine.model(own_model) is after
    assert engine.explain(after, pair, threshold=0.3).score != pytest.approx(first.score, abs=1e-3)
    assert engine.explain(before, pair, threshold=0.3).score == pytest.approx(first.score, abs=1e-6)


def photos_of(engine: Engine) -> list[str]:
    return [photo.name for photo in engine._photos._values.values()]


def test_a_photograph_is_decoded_once_for_each_name_it_was_given(sample_path) -> None:
    engine, data = Engine("cpu"), sample_path.read_bytes()
    first = engine.photo(data, "mine.jpg")
    assert engine.photo(data, "mine.jpg") is first
    assert engine.photo(data, "yours.jpg").name == "yours.jpg"


@pytest.mark.slow
def test_decoded_photographs_are_bounded_in_bytes() -> None:
    side = 4000
    engine = Engine("cpu")
    for number in range(14):
        encoded = io.BytesIO()
        Image.new("RGB", (side, side), (number, 0, 0)).save(encoded, "JPEG")
        engine.photo(encoded.getvalue(), f"{number}.jpg")
    kept = engine._photos._values.values()
    assert engine._photos._weight == sum(side * side * 3 + len(photo.data) for photo in kept) <= DECODED_BYTES
    assert photos_of(engine) == [f"{number}.jpg" for number in range(3, 14)]


@pytest.mark.slow
def test_nothing_of_a_forgotten_photograph_is_kept_and_another_pair_is_known_still(engine, passes) -> None:
    paths = sorted((ASSETS / "samples").glob("*.jpg"))[:3]
    photos = [engine.photo(path.read_bytes(), path.name) for path in paths]
    faces = [align_face(photo, detected=engine.faces(photo)) for photo in photos]
    model, sha256 = engine.model("sface"), photos[0].sha256
    patched = PatchedFace.of(faces[1], faces[0], uniform_positions(np.random.default_rng(0)))
    for pair in (Pair(faces[0], faces[1]), Pair(patched, faces[2]), Pair(faces[1], faces[2])):
        shown = engine.explain(model, pair)
    engine.play(model, pair, shown)
    engine.hidden_regions(model, pair)
    engine.hidden_regions(model, Pair(faces[0], faces[2]))
    drawn = [engine.drawn((photo.key, "whole"), photo.pixels.copy) for photo in photos]
    assert [engine.drawn((photo.key, "whole"), np.zeros(()).copy) for photo in photos] == drawn
    pixels = [weakref.ref(photo.pixels) for photo in photos]
    evidence = [weakref.ref(examined.evidence) for examined in engine._examined._values.values()]
    rest = Pair(faces[1], faces[2])
    del photos, faces, patched, pair, shown
    engine.forget(sha256)
    gc.collect()
    assert [each() is None for each in pixels] == [True, False, False]
    assert [each() is None for each in evidence] == [True, True, False]
    caches = engine._photos, engine._drawn, engine._faces, engine._embeddings, engine._examined
    assert [len(cache._values) for cache in caches] == [2, 2, 2, 0, 1]
    assert len(engine._together._values) == 0
    assert [len(once._values._values) for once in (engine._explained, engine._findings)] == [1, 1]
    before = list(passes)
    engine.explain(model, rest)
    assert passes == before
