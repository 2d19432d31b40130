// Five points over a photograph; each can be dragged or moved with the arrow keys.

import { make, picture, rootOf } from "./shared/dom.js";
import { arrowMove, clamp, pointedAt } from "./shared/pointing.js";

/** How many pixels of the photograph an arrow key moves a point with Shift. */
const FAR = 10;
/** Pixels below which a point that was moved is back where it was. */
const STILL = 1e-3;

/**
 * A handle that keeps `point`, in pixels of the photograph, where it is put; it moves by as much as the pointer does.
 * @param {Point} point
 * @param {number} index
 * @param {PickerData} data
 * @param {HTMLElement} stage
 */
function makeHandle(point, index, data, stage) {
  const name = data.names[index];
  const handle = make("button", { type: "button", className: "point", title: name, textContent: String(index + 1) });
  const show = () => {
    handle.style.left = `${(100 * point.x) / data.width}%`;
    handle.style.top = `${(100 * point.y) / data.height}%`;
    handle.setAttribute("aria-label", `${name}, x ${Math.round(point.x)}, y ${Math.round(point.y)}`);
  };
  const place = (/** @type {Point} */ { x, y }) => {
    point.x = clamp(x, 0, data.width);
    point.y = clamp(y, 0, data.height);
    show();
  };
  const under = (/** @type {PointerEvent} */ event) => {
    const { x, y } = pointedAt(event, stage);
    return { x: x * data.width, y: y * data.height };
  };
  let grabbed = { point: { x: 0, y: 0 }, pointer: { x: 0, y: 0 } };
  show();
  handle.onpointerdown = (event) => {
    handle.setPointerCapture(event.pointerId);
    grabbed = { point: { ...point }, pointer: under(event) };
  };
  handle.onpointermove = (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const { x, y } = under(event);
    if (x === grabbed.pointer.x && y === grabbed.pointer.y) return;
    place({ x: grabbed.point.x + x - grabbed.pointer.x, y: grabbed.point.y + y - grabbed.pointer.y });
  };
  handle.onkeydown = (event) => {
    const move = arrowMove(event, FAR);
    if (!move) return;
    event.preventDefault();
    place({ x: point.x + move.x, y: point.y + move.y });
  };
  return handle;
}

/**
 * The point, or null where it is what it was: pixels of a reduced photograph would round what nobody moved.
 * @param {Point} point
 * @param {[number, number]} before
 */
function moved({ x, y }, before) {
  return Math.hypot(x - before[0], y - before[1]) < STILL ? null : [x, y];
}

/** @param {Component<PickerData>} component */
export default function ({ data, parentElement, setTriggerValue }) {
  const points = data.points.map(([x, y]) => ({ x, y }));
  const photo = picture(data.picture, `Photograph ${data.photo}, on which the landmarks are placed`);
  const stage = make("div", { className: "stage" }, photo);
  stage.append(...points.map((point, index) => makeHandle(point, index, data, stage)));
  const use = make("button", { type: "button", className: "use", textContent: "Use these landmarks" });
  use.onclick = () => setTriggerValue("points", points.map((point, index) => moved(point, data.points[index])));
  const names = data.names.map((name, index) => `${index + 1} ${name}`).join(" · ");
  const bar = make("div", { className: "bar" }, use, make("span", { textContent: names }));
  rootOf(parentElement, "landmark_picker").replaceChildren(stage, bar);
}
