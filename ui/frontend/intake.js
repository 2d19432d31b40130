// Two photographs at once, dropped or chosen, and one from the clipboard: each is put into the field of its side, which
// takes it as if it had been chosen there.

import { sharedOut } from "./intake/sharing.js";
import { make, rootOf } from "./shared/dom.js";

/** What each component shows, by its element. @type {WeakMap<HTMLElement, { data: IntakeData }>} */
const shown = new WeakMap();

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
 * @param {HTMLElement} root
 * @param {IntakeData} data
 */
function lay(root, data) {
  const state = { data };
  const input = make("input", { type: "file", multiple: true, accept: data.suffixes, hidden: true });
  const choose = make("button", { type: "button", textContent: "Choose two", onclick: () => input.click() });
  choose.setAttribute("aria-label", "Choose two photographs");
  const said = make("div", { className: "said" });
  said.setAttribute("role", "status");
  const take = (/** @type {File[]} */ files) => {
    const { sides, refusal } = sharedOut(files.length, state.data.sides);
    said.textContent = refusal;
    sides.forEach(({ field }, index) => put(files[index], field));
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
}
