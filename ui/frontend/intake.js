// Two photographs at once, dropped or chosen, and one from the clipboard: each is put into the field of its side, which
// takes it as if it had been chosen there.

import { sharedOut } from "./intake/sharing.js";
import { make, rootOf } from "./shared/dom.js";

/** A photograph and the side that takes it. @typedef {{ file: File, side: IntakeSide }} Given */

/** What each component shows, by its element, and the photograph that waits until the page has taken the one before it.
 * @typedef {{ data: IntakeData, before: IntakeSide | null, next: Given[], timer: number }} State
 * @type {WeakMap<HTMLElement, State>} */
const shown = new WeakMap();

// What a field refuses, such as a file that is too large, the page never hears of.
const REFUSED_AFTER = 5000;

/**
 * @param {File} file
 * @param {string} field the key of a file field of the page
 */
function put(file, field) {
  const input = document.querySelector(`.st-key-${field} input[type=file]`);
  if (!(input instanceof HTMLInputElement)) throw new Error(`The page has no field ${field}.`);
  const carrier = new DataTransfer();
  carrier.items.add(file);
  input.files = carrier.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

/**
 * Give the next photograph. Two at the same moment would lose one: the page is asked for a run with the second before it
 * has said what became of the first.
 * @param {State} state
 */
function giveNext(state) {
  clearTimeout(state.timer);
  const given = state.next.shift();
  state.before = given?.side ?? null;
  if (!given) return;
  put(given.file, given.side.field);
  if (state.next.length) state.timer = window.setTimeout(() => giveNext(state), REFUSED_AFTER);
}

/**
 * Whether the page has taken what was given to a side.
 * @param {IntakeSide} before the side as it was
 * @param {IntakeData} data
 */
function hasTaken(before, data) {
  return data.sides.some(({ title, filled, holds }) => title === before.title && filled && holds !== before.holds);
}

/**
 * @param {HTMLElement} root
 * @param {IntakeData} data
 * @returns {State}
 */
function lay(root, data) {
  /** @type {State} */
  const state = { data, before: null, next: [], timer: 0 };
  const input = make("input", { type: "file", multiple: true, accept: data.suffixes, hidden: true });
  const choose = make("button", { type: "button", textContent: "Choose two", onclick: () => input.click() });
  choose.setAttribute("aria-label", "Choose two photographs");
  const said = make("div", { className: "said" });
  said.setAttribute("role", "status");
  const take = (/** @type {File[]} */ files) => {
    const { sides, refusal } = sharedOut(files.length, state.data.sides);
    said.textContent = refusal;
    state.next = sides.map((side, index) => ({ file: files[index], side }));
    giveNext(state);
  };
  input.onchange = () => {
    take([...(input.files ?? [])]);
    input.value = ""; // the same files can be chosen again
  };
  const words = make("span", { textContent: "Or drop both here, the probe first. A copied picture can be pasted." });
  const place = make("div", { className: "place" }, choose, words, input);
  place.ondragover = (event) => {
    event.preventDefault();
    place.classList.add("over");
  };
  place.ondragleave = () => place.classList.remove("over");
  place.ondrop = (event) => {
    event.preventDefault();
    place.classList.remove("over");
    take([...(event.dataTransfer?.files ?? [])]);
  };
  const paste = (/** @type {ClipboardEvent} */ event) => {
    if (!root.isConnected) return document.removeEventListener("paste", paste);
    const pictures = [...(event.clipboardData?.files ?? [])].filter(({ type }) => type.startsWith("image/"));
    if (pictures.length) take(pictures);
  };
  document.addEventListener("paste", paste);
  root.replaceChildren(make("div", { className: "title", textContent: "Both photographs at once" }), place, said);
  return state;
}

/** @param {Component<IntakeData>} component */
export default function ({ data, parentElement }) {
  const root = rootOf(parentElement, "intake");
  const state = shown.get(root) ?? lay(root, data);
  shown.set(root, state);
  state.data = data;
  if (state.before && hasTaken(state.before, data)) giveNext(state);
}
