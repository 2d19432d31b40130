"""Swapping probe and reference: what was chosen for a photograph goes with it."""

from __future__ import annotations

import hashlib
import io

from PIL import Image
from streamlit.testing.v1 import AppTest

from ui.address import points_text
from ui.state import uploads
from xssab_core.faces import align_face, open_photo
from xssab_core.paths import ASSETS

SAMPLES = ASSETS / "samples"
COLLINS = (SAMPLES / "eileen_collins_1.jpg").read_bytes()


def _two_faces() -> bytes:
    canvas = Image.new("RGB", (1300, 640), "grey")
    for name, left, side in (("joe_biden_1", 0, 640), ("barack_obama_3", 700, 500)):
        with Image.open(SAMPLES / f"{name}.jpg") as photograph:
            canvas.paste(photograph.resize((side, side)), (left, 0))
    file = io.BytesIO()
    canvas.save(file, "PNG")
    return file.getvalue()


def _page() -> None:
    import streamlit as st

    from ui.pair_picker import pick_pair

    pair = pick_pair()
    if pair is not None:
        for _, face in pair.by_side():
            st.text(f"{face.photo.name} {face.landmarks.tolist()}")


def test_a_swap_takes_along_face_and_landmarks_and_a_second_one_undoes_it() -> None:
    points = align_face(open_photo(COLLINS)).landmarks.round() + 1.0
    placed = points_text(hashlib.sha256(COLLINS).hexdigest(), points)
    mine = uploads().put("me", "two_faces.png", _two_faces())
    other = uploads().put("me", "collins.jpg", COLLINS)
    app = AppTest.from_function(_page, default_timeout=60)
    app.session_state["_browser"] = "me"
    said = {"source": "Upload", "probe": mine, "probe_face": "2", "reference": other, "reference_points": placed}
    for key, value in said.items():
        app.query_params[key] = value
    app.run()

    def query() -> dict[str, str]:
        found = {key: app.query_params[key] for key in app.query_params}
        return {key: value[0] if isinstance(value, list) else str(value) for key, value in found.items()}

    def swap() -> list[str]:
        next(button for button in app.button if button.label == "Swap probe and reference").click().run()
        assert not app.exception
        return [text.value for text in app.text]

    faces = [text.value for text in app.text]
    assert faces[1] == f"collins.jpg {points.tolist()}"
    assert float(faces[0].split("[[")[1].split(",")[0]) > 700
    assert swap() == faces[::-1]
    assert query() == {
        **{"source": "Upload", "probe": other, "probe_points": placed},
        **{"reference": mine, "reference_face": "2"},
    }
    exchanged = query()
    assert swap() == faces
    assert query() == said
    app.query_params.clear()
    for key, value in exchanged.items():  # a run that has not heard of it
        app.query_params[key] = value
    app.run()
    assert [text.value for text in app.text] == faces
    # Of the face, which a widget holds, Streamlit writes the address.
    assert {key: value for key, value in query().items() if not key.endswith("_face")} == {
        key: value for key, value in said.items() if not key.endswith("_face")
    }


def test_a_photograph_that_a_reload_found_again_is_removed_by_its_cross() -> None:
    ticket = uploads().put("me", "collins.jpg", COLLINS)
    app = AppTest.from_function(_page, default_timeout=60)
    app.session_state["_browser"] = "me"
    app.query_params["source"], app.query_params["probe"] = "Upload", ticket
    app.run()
    app.button(key=f"probe_remove_{ticket}").click().run()
    assert not app.exception
    assert uploads().get("me", ticket) is None
    assert any(caption.value.startswith("The probe was removed") for caption in app.caption)
    assert "probe" not in app.query_params


def test_a_second_file_whose_run_had_not_heard_of_the_first_loses_nothing() -> None:
    app = AppTest.from_function(_page, default_timeout=60)
    app.session_state["_browser"] = "me"
    app.query_params["source"] = "Upload"
    app.run()
    app.file_uploader(key="probe_file_0").set_value(("two_faces.png", _two_faces(), "image/png")).run()
    probe = app.query_params["probe"]
    del app.query_params["probe"]
    app.file_uploader(key="reference_file_0").set_value(("collins.jpg", COLLINS, "image/jpeg")).run()
    assert not app.exception
    assert app.query_params["probe"] == probe
    assert [text.value.split()[0] for text in app.text] == ["two_faces.png", "collins.jpg"]
    # What was removed does not come back.
    app.file_uploader(key="probe_file_0").set_value([]).run()
    assert "probe" not in app.query_params


def test_a_run_that_had_not_heard_of_a_swap_does_not_undo_it_nor_does_its_cross() -> None:
    mine = uploads().put("me", "two_faces.png", _two_faces())
    other = uploads().put("me", "collins.jpg", COLLINS)
    app = AppTest.from_function(_page, default_timeout=60)
    app.session_state["_browser"] = "me"
    app.query_params["source"] = "Upload"

    def asked_with(probe: str, reference: str) -> None:
        app.query_params["probe"], app.query_params["reference"] = probe, reference

    def sides() -> list[str]:
        assert not app.exception
        return [text.value.split()[0] for text in app.text]

    asked_with(mine, other)
    app.run()
    for told in (["collins.jpg", "two_faces.png"], ["two_faces.png", "collins.jpg"], ["collins.jpg", "two_faces.png"]):
        next(button for button in app.button if button.label == "Swap probe and reference").click().run()
        assert sides() == told
        asked_with(*((mine, other) if told[0] == "collins.jpg" else (other, mine)))  # as it was before
        app.run()
        assert sides() == told
    asked_with(mine, other)
    app.button(key=f"probe_remove_{other}").click().run()
    assert not app.exception
    assert "probe" not in app.query_params
    assert mine in str(app.query_params["reference"])
    assert uploads().get("me", mine) is not None
    assert uploads().get("me", other) is None
