"""What axe-core finds wrong on a page, apart from what Streamlit itself brings along."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# Rule of axe -> the elements of Streamlit's own in which it fails whatever an app does: the faded text of captions,
# labels and chosen options, the white on its primary buttons, and the drop zone of its file uploader.
STREAMLITS_OWN = {
    "color-contrast": (
        '[data-testid="stCaptionContainer"]',
        '[data-testid="stWidgetLabel"]',
        '[data-testid="stButtonGroup"]',
        '[data-testid="stSelectbox"]',
        '[data-testid="stMultiSelect"]',
        '[data-testid="stAlert"]',
        '[data-testid="stBaseButton-primary"]',
        "[data-stale=true]",
    ),
    "presentation-role-conflict": ('[data-testid="stFileUploaderDropzone"]',),
}
# True where the element lies in the light DOM of the app, below one of the elements given.
_INSIDE = "([target, inside]) => document.querySelector(target)?.closest(inside) != null"


def axe_violations(page: Page) -> list[str]:
    """One line for each element that breaks a rule of axe-core (WCAG A and AA, and best practices) and is not
    Streamlit's own. Elements inside the app's components, which have a shadow root, are never Streamlit's."""
    found = []
    for violation in Axe().run(page).response["violations"]:
        own = ", ".join(STREAMLITS_OWN.get(violation["id"], ()))
        for node in violation["nodes"]:
            target = node["target"][0]
            in_component = isinstance(target, list)
            if in_component or not own or not page.evaluate(_INSIDE, [target, own]):
                found.append(f"{violation['id']}: {violation['help']} at {target}: {node['html'][:200]}")
    return found
