"""Methods that installed packages offer, by entry point, as models are."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

from xssab_core.explain.base import AnyExplainer, Explainer

_log = logging.getLogger(__name__)


def installed(group: str) -> dict[str, AnyExplainer]:
    """The methods of a group of entry points by id; each gives an `Explainer`, or is a class or function that does.

    One that cannot be loaded, or whose id is not the name of its entry point, is left out and logged, so that a
    broken package breaks nothing else.
    """
    found: dict[str, AnyExplainer] = {}
    for point in entry_points(group=group):
        try:
            offered = point.load()
            method = offered if isinstance(offered, Explainer) else offered()
            if not isinstance(method, Explainer) or method.info.id != point.name:
                raise TypeError(f"it must give an Explainer whose id is {point.name}")
            found[point.name] = method
        except Exception as error:  # whatever a foreign package raises
            _log.warning("The method %s (%s) cannot be used: %s", point.name, point.value, error)
    return found
