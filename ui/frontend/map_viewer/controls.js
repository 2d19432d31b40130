// The controls: they act on all viewers of the page, in the browser.

import { make } from "../shared/dom.js";
import { press } from "./gestures.js";
import { FIRST, largeOf } from "./look.js";

const COMPARED = {
  off: "Map over photograph",
  "wipe-photo": "Wipe: photograph and map",
  "blink-photo": "Blink: photograph and map",
  "wipe-faces": "Wipe: the two faces",
  "blink-faces": "Blink: the two faces",
};

/**
 * @param {ReturnType<typeof import("./look.js").pageLook>} look
 * @param {HTMLElement} screen what fills the screen
 */
export function makeControls(look, screen) {
  const choice = (/** @type {string} */ label, /** @type {(value: string) => Partial<LookState>} */ change) => {
    const box = make("select", { ariaLabel: label, onchange: () => look.set(change(box.value)) });
    return { box, element: make("label", {}, label, box) };
  };
  const range = (/** @type {string} */ label, /** @type {(value: number) => Partial<LookState>} */ change, step = "5") => {
    const box = make("input", { type: "range", min: "0", max: "100", step, ariaLabel: label });
    box.oninput = () => look.set(change(+box.value));
    return { box, element: make("label", {}, label, box) };
  };
  const button = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => void} */ onclick) => {
    const made = make("button", { type: "button", textContent: text, title: label, onclick });
    made.setAttribute("aria-label", label);
    return made;
  };
  const large = choice("Large map", (value) => ({ large: value }));
  const palette = choice("Colours", (value) => ({ palette: value }));
  const opacity = range("Opacity", (value) => ({ opacity: value }));
  const compare = choice("Compare", (value) => ({ compare: /** @type {LookState["compare"]} */ (value) }));
  const wiped = range("Wipe", (value) => ({ wiped: value }), "1");
  const outlines = make("input", { type: "checkbox", onchange: () => look.set({ outlines: outlines.checked }) });
  const beside = make("input", { type: "checkbox", onchange: () => look.set({ original: beside.checked }) });
  const original = { box: beside, element: make("label", {}, beside, "Photograph beside it") };
  compare.box.append(...Object.entries(COMPARED).map(([value, textContent]) => make("option", { value, textContent })));
  const zoom = (/** @type {string} */ key) => () => press(look, key, look.state.centre);
  const buttons = make("span", { className: "buttons" },
    button("\u2212", "Make smaller", zoom("-")),
    button("+", "Enlarge", zoom("+")),
    button("1:1", "Show the whole face", zoom("0")),
    button("Full screen", "Full screen", () => void (document.fullscreenElement ? document.exitFullscreen() : screen.requestFullscreen())),
  );
  const element = make("div", { className: "controls" },
    large.element, original.element, palette.element, opacity.element, make("label", {}, outlines, "Outline the strongest areas"),
    compare.element, wiped.element, buttons,
  );
  return { element, large, palette, opacity, compare, wiped, outlines, original };
}

/**
 * @param {ReturnType<typeof makeControls>} controls
 * @param {LookState} look
 * @param {ViewerData} data
 */
export function drawControls({ large, palette, opacity, compare, wiped, outlines, original }, look, data) {
  const { tiles } = data.rows[0];
  const choices = tiles.map(({ title }, index) => [index ? title : FIRST.large, title]);
  offer(large.box, choices);
  offer(palette.box, Object.entries(data.palettes).map(([name, { title }]) => [name, title]));
  large.element.hidden = !data.large;
  large.box.value = choices[largeOf(tiles, look.large)][0];
  original.element.hidden = !data.rows.some((row) => row.original);
  original.box.checked = look.original;
  palette.box.value = look.palette;
  opacity.box.value = String(look.opacity);
  compare.box.value = look.compare;
  outlines.checked = look.outlines;
  wiped.box.value = String(look.wiped);
  wiped.element.hidden = !look.compare.startsWith("wipe");
}

/**
 * @param {HTMLSelectElement} box
 * @param {string[][]} options values and what is said of them
 */
function offer(box, options) {
  const offered = [...box.options].map(({ value, text }) => [value, text]);
  if (JSON.stringify(offered) === JSON.stringify(options)) return;
  box.replaceChildren(...options.map(([value, textContent]) => make("option", { value, textContent })));
}
