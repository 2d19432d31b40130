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
 * @param {{ stage: HTMLElement, view: PhotoView }} shown
 */
function makeHandle(point, index, data, shown) {
  const name = data.names[index];
  const handle = make("button", { type: "button", className: "point", title: name, textContent: String(index + 1) });
  const show = () => {
    const { view } = shown;
    handle.style.left = `${(100 * (point.x - view.x)) / view.width}%`;
    handle.style.top = `${(100 * (point.y - view.y)) / view.height}%`;
    handle.setAttribute("aria-label", `${name}, x ${Math.round(point.x)}, y ${Math.round(point.y)}`);
  };
  const place = (/** @type {Point} */ { x, y }) => {
    point.x = clamp(x, 0, data.width);
    point.y = clamp(y, 0, data.height);
    show();
  };
  const under = (/** @type {PointerEvent} */ event) => {
    const { x, y } = pointedAt(event, shown.stage);
    return { x: x * shown.view.width, y: y * shown.view.height };
  };
  let grabbed = { point: { x: 0, y: 0 }, pointer: { x: 0, y: 0 } };
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
  return { handle, show };
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
  const photo = picture("", `Photograph ${data.photo}, on which the landmarks are placed`);
  const shown = { stage: make("div", { className: "stage" }, photo), view: data.views[0] };
  const handles = points.map((point, index) => makeHandle(point, index, data, shown));
  shown.stage.append(...handles.map(({ handle }) => handle));
  const other = make("button", { type: "button", className: "other", hidden: data.views.length < 2 });
  const look = (/** @type {number} */ index) => {
    shown.view = data.views[index];
    photo.src = shown.view.picture;
    other.textContent = index ? "Show the face" : "Show the whole photograph";
    other.onclick = () => look(1 - index);
    for (const { show } of handles) show();
  };
  look(0);
  const use = make("button", { type: "button", className: "use", textContent: "Use these landmarks" });
  use.onclick = () => setTriggerValue("points", points.map((point, index) => moved(point, data.points[index])));
  const names = data.names.map((name, index) => `${index + 1} ${name}`).join(" \u00b7 ");
  const hint = make("span", { textContent: `${names}. Drag them, or use the arrow keys, with Shift for ${FAR} pixels.` });
  rootOf(parentElement, "landmark_picker").replaceChildren(shown.stage, make("div", { className: "bar" }, use, other, hint));
}
