"""Inspect: why this pair got this score."""

from ui.page import require_router

require_router(__file__)

from ui.compare_view import compare_methods, show_trust
from ui.inspect_view import show_arguments, show_decision, show_downloads, show_maps, show_photographs
from ui.models_view import remember_pair
from ui.page import errors_as_sentences
from ui.pair_picker import pick_pair
from ui.settings import pick_drawing, pick_model, pick_threshold
from ui.state import engine

pair = pick_pair()
model = pick_model()
threshold = pick_threshold(model)
drawing = pick_drawing()
if pair is not None:
    with errors_as_sentences():
        explanation = engine().explain(model.info.id, pair.probe, pair.reference, "xssab", threshold)
    remember_pair(explanation, f"{pair.probe.photo.name} and {pair.reference.photo.name}")
    show_decision(explanation)
    show_maps(explanation, pair, drawing)
    with errors_as_sentences():
        explanations = compare_methods(model, pair, threshold, drawing, explanation)
        show_trust(model, pair, explanation, explanations)
    show_photographs(pair)
    show_arguments(explanation, drawing)
    show_downloads(explanations, pair, drawing)
