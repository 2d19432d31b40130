// The threshold as a slider: what it means follows while it is dragged, and it is reported when it is let go.

import { doubles } from "./shared/decode.js";
import { make, rootOf } from "./shared/dom.js";
import { clamp } from "./shared/pointing.js";
import { wordsOf } from "./threshold/words.js";

/** How far keys move, and to how many digits a pointer is read. */
const STEP = 0.001, FAR = 0.01, PAGE = 0.05, DIGITS = 3;
/** How long the keys rest, in ms, before the threshold is reported. */
const RESTS = 400;

/** @type {WeakMap<Element, Slider>} */
const sliders = new WeakMap();

class Slider {
  #timer = 0;
  value = NaN;
  /** Whether the pointer holds it. */
  held = false;
  /** What was reported and is not answered. @type {number[]} */
  sent = [];

  /**
   * @param {HTMLElement} root
   * @param {ThresholdData} data
   */
  constructor(root, data) {
    this.data = data;
    this.input = make("input", { type: "range", step: "any" });
    this.input.setAttribute("aria-label", data.label);
    this.decision = make("strong");
    this.lines = make("span");
    this.readout = make("div", { className: "readout", hidden: true }, this.decision, this.lines);
    this.readout.setAttribute("role", "status");
    this.input.onpointerdown = () => void (this.held = true);
    this.input.onpointerup = this.input.onpointercancel = () => void (this.held = false);
    this.input.oninput = () => this.follow(Number(Number(this.input.value).toFixed(DIGITS)));
    this.input.onchange = () => this.report();
    this.input.onkeydown = (event) => this.press(event);
    this.low = make("span");
    this.high = make("span");
    const name = make("div", { textContent: data.label });
    root.replaceChildren(name, this.input, make("div", { className: "ends" }, this.low, this.high), this.readout);
  }

  /** @param {Component<ThresholdData>} component */
  show({ data, setTriggerValue }) {
    this.tell = setTriggerValue;
    const before = this.data.value;
    this.data = data;
    const { genuine, impostor } = data;
    this.scores = genuine && impostor ? { genuine: doubles(genuine), impostor: doubles(impostor) } : null;
    this.input.min = String(data.low);
    this.input.max = String(data.high);
    this.low.textContent = data.low.toFixed(2);
    this.high.textContent = data.high.toFixed(2);
    // The page may be that of a threshold before: what is being chosen, or was and is not answered yet, stays.
    const answered = this.sent.indexOf(data.value) + 1;
    if (answered) this.sent.splice(0, answered);
    const isOld = this.held || this.#timer || (this.sent.length && (answered || before === data.value));
    if (isOld) this.follow(this.value);
    else this.rest(data.value);
  }

  /** @param {number} value */
  rest(value) {
    this.value = value;
    this.sent = [];
    this.input.value = String(value);
    this.readout.hidden = true;
    this.input.setAttribute("aria-valuetext", value.toFixed(4));
  }

  /** @param {number} value */
  follow(value) {
    this.value = clamp(value, this.data.low, this.data.high);
    const { number, decision, lines } = wordsOf(this.value, this.data, this.scores ?? null);
    this.decision.textContent = decision ? `${number}: ${decision}` : number;
    this.decision.dataset.decision = decision ?? "";
    this.lines.replaceChildren(...lines.map((line) => make("span", { textContent: line })));
    this.readout.hidden = false;
    this.input.setAttribute("aria-valuetext", [this.decision.textContent, ...lines].join(", "));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const { key, shiftKey } = event, step = shiftKey ? FAR : STEP;
    /** @type {Record<string, number | undefined>} */
    const places = {
      ArrowLeft: this.value - step, ArrowDown: this.value - step, ArrowRight: this.value + step,
      ArrowUp: this.value + step, PageDown: this.value - PAGE, PageUp: this.value + PAGE, Home: this.data.low,
      End: this.data.high,
    };
    const place = places[key];
    if (place === undefined) return;
    event.preventDefault();
    this.follow(Number(place.toFixed(4)));
    this.input.value = String(this.value);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.report(), RESTS);
  }

  report() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.held = false;
    if (this.value === this.data.value) return this.rest(this.value);
    this.sent.push(this.value);
    this.tell?.("value", this.value);
  }

  /** @type {((name: string, value: unknown) => void) | null} */
  tell = null;
  /** @type {{ genuine: Float64Array, impostor: Float64Array } | null} */
  scores = null;
}

/** @param {Component<ThresholdData>} component */
export default function (component) {
  const root = rootOf(component.parentElement, "threshold");
  const slider = sliders.get(root) ?? new Slider(root, component.data);
  sliders.set(root, slider);
  slider.show(component);
}
