"""The parts of the Models page: a model's card, and what is known of its scores."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from ui.charts import det_curve, score_histogram, tippett_plot
from ui.words import code, plain
from xssab_core.errors import XssabError
from xssab_core.explain import METHODS, Explanation
from xssab_core.metrics import compared, percent
from xssab_core.models import MODELS, FaceModel, ModelInfo, Threshold
from xssab_core.models.calibration import Calibration
from xssab_core.scoring.likelihood import likelihood_ratios

_PAIR_IN_HAND = "pair_in_hand"


@dataclass(frozen=True)
class PairInHand:
    """The score last inspected in this session, and the threshold that decided on it."""

    model: str
    title: str
    score: float
    threshold: Threshold


def remember_pair(explanation: Explanation, title: str) -> None:
    """Called by Inspect, so that the Models page can show where the pair falls."""
    st.session_state[_PAIR_IN_HAND] = PairInHand(explanation.model.id, title, explanation.score, explanation.threshold)


def forget_pair() -> None:
    """Called when a photograph is removed: its name and score go with it."""
    st.session_state.pop(_PAIR_IN_HAND, None)


def pair_in_hand(model_id: str) -> PairInHand | None:
    """The pair last inspected with this model."""
    pair: PairInHand | None = st.session_state.get(_PAIR_IN_HAND)
    return pair if pair is not None and pair.model == model_id else None


def show_overview() -> None:
    """One line a model."""
    rows = [
        {
            "model": entry.info.title,
            "id": model_id,
            "weights": "here" if entry.is_fetched else "not here",
            "architecture": entry.info.architecture,
            "loss": entry.info.loss,
            "input": f"{entry.info.template.size} px",
            "embedding": entry.info.embedding_size,
            "gradients": "yes" if entry.info.differentiable else "no",
            "licence": entry.info.licence,
        }
        for model_id, entry in MODELS.items()
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def show_card(info: ModelInfo) -> None:
    """What a user must know about a model."""
    st.markdown(
        f"**{plain(info.architecture)}**. Loss: {plain(info.loss)}. Training set: {plain(info.training_set)}.  \n"
        f"Input {info.template.size} x {info.template.size} {info.colour_order}, {plain(info.normalisation)}; "
        f"embedding of {info.embedding_size} numbers. Licence: {plain(info.licence)}.  \n"
        f"Source: {plain(info.source)}."
    )


def show_missing(model_id: str) -> None:
    """How to bring the weights of a model that are not here."""
    st.info(
        f"The weights of {plain(model_id)} are not in the store. "
        f"{code(f'xssab models fetch {model_id}')} brings them, or says how to add the authors' file.",
        icon=":material/download:",
    )


def show_methods(model: FaceModel) -> None:
    """Which methods can explain this model, and why others cannot."""
    reasons = {method.info.title: method.unavailable(model) for method in METHODS.values()}
    available = [title for title, reason in reasons.items() if reason is None]
    st.caption(f"Methods that can explain it: {plain(', '.join(available)) or 'none'}.")
    for reason in filter(None, reasons.values()):
        st.caption(f":material/block: {plain(reason)}")


def show_calibration(calibration: Calibration, known: tuple[Threshold, ...], pair: PairInHand | None) -> None:
    """Scores and error rates of a model at its known thresholds, EER first, and where the pair in hand falls."""
    thresholds = known if pair is None or pair.threshold in known else (*known, pair.threshold)
    accuracy = calibration.fold_accuracy()
    columns = st.columns(4)
    at_eer = calibration.rates(thresholds[0].value)
    for column, name, rate in zip(columns, ("FMR", "FNMR"), (at_eer.false_match, at_eer.false_non_match), strict=False):
        column.metric(f"{name} at EER threshold", percent(rate.value), help=plain(rate))
    if accuracy is not None:
        columns[2].metric(
            f"Accuracy, {len(accuracy.folds)} folds",
            percent(accuracy.mean),
            help="Each fold judged by the threshold best on the others; "
            f"standard error {percent(accuracy.standard_error)}",
        )
    columns[3].metric(
        "Pairs", f"{len(calibration.genuine) + len(calibration.impostor):,}", help=plain(calibration.coverage)
    )
    st.caption(plain(f"{calibration.data_set}; {calibration.coverage}; measured {calibration.date}."))
    if pair is not None:
        st.markdown(f"**Pair in hand:** {plain(_where(calibration, pair))}")
    left, right = st.columns(2)
    score = None if pair is None else pair.score
    with left:
        st.plotly_chart(
            score_histogram(calibration, thresholds[0].value, score),
            key="histogram",
            config={"displayModeBar": False},
            alt=f"Histogram of {len(calibration.genuine):,} genuine and {len(calibration.impostor):,} impostor scores",
        )
    with right:
        alt = f"DET curve: FNMR against FMR; at the EER threshold {at_eer}"
        st.plotly_chart(det_curve(calibration, thresholds), key="det", config={"displayModeBar": False}, alt=alt)
    rows = []
    for threshold in thresholds:
        rates = calibration.rates(threshold.value)
        rows.append(
            {
                "threshold": threshold.name,
                "cosine": round(threshold.value, 4),
                "FMR": str(rates.false_match),
                "FNMR": str(rates.false_non_match),
                "from": threshold.origin,
            }
        )
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    st.caption("A threshold at a lower FMR is listed once at least ten impostor pairs of the data would exceed it.")
    _show_likelihood(calibration, score)


def _show_likelihood(calibration: Calibration, score: float | None) -> None:
    """How much more likely scores are of genuine than of impostor pairs, and how well that is known."""
    st.subheader("What a score is worth")
    found = likelihood_ratios(calibration)
    if isinstance(found, str):
        st.info(plain(found), icon=":material/block:")
        return
    chart, words = st.columns(2)
    with chart:
        alt = f"Tippett plot: shares of genuine and impostor pairs at or above each log10 likelihood ratio. {found}"
        st.plotly_chart(tippett_plot(found, score), key="tippett", config={"displayModeBar": False}, alt=alt)
    with words:
        low, high = found.bounds
        first, second = st.columns(2)
        first.metric("Cllr", f"{found.cllr:.3f}", help="Bits: 0 is perfect, 1 is what knowing nothing costs")
        second.metric("Cllr min", f"{found.cllr_min:.3f}", help="What no recalibration takes away")
        st.markdown(
            plain(
                f"log10 LR = {found.intercept:.2f} {'-' if found.slope < 0 else '+'} {abs(found.slope):.2f} x score, "
                f"within the bounds {low:z.2f} and {high:z.2f} (ELUB, dotted)."
            )
        )
        if score is not None:
            st.markdown(f"**The pair:** {plain(found.sentences(score)[0])}")
        st.caption(plain(f"Judged on {found.judged_on}. {found.holds}"))


def _where(calibration: Calibration, pair: PairInHand) -> str:
    numbers, is_match = compared(pair.score, pair.threshold.value), pair.threshold.is_match(pair.score)
    decision = "match" if is_match else "non-match"
    return (
        f"{pair.title}, score {numbers.score}, a {decision} at {numbers.threshold}. "
        f"{calibration.standing(pair.score, is_match)}."
    )


def show_uncalibrated(model_id: str, error: XssabError | None = None) -> None:
    """What to do for a model whose scores nobody measured here."""
    if error is not None:
        st.error(plain(error))
    st.info(
        f"No scores of {plain(model_id)} with exactly these weights are known here, so it has no threshold of its own. "
        f"{code(f'xssab calibrate --model {model_id} --lfw DIR')} measures them.",
        icon=":material/straighten:",
    )
