// What pointer, wheel and keys do to a tile: read a pixel, enlarge, move.

import { arrowMove, clamp } from "../shared/pointing.js";
import { moved, zoomed } from "./look.js";

/** How many pixels of the crop an arrow key moves with Shift. */
const FAR = 8;
const STEP = 1.5;
/** What a key or a button does to how much is seen. */
export const ZOOMS = { "+": STEP, "=": STEP, "-": 1 / STEP, "0": 0 };

/**
 * Calls `read` with the pixel that the pointer or the keys lead to, and `leave` when they leave.
 * @param {{ box: HTMLElement, size: number, pointed: (event: MouseEvent) => Point }} tile where in the crop, as shares of
 *   its side, it is pointed at
 * @param {ReturnType<typeof import("./look.js").pageLook>} look
 * @param {(at: Point) => void} read
 * @param {() => void} leave
 */
export function follow({ box, size, pointed }, look, read, leave) {
  const at = { x: Math.floor(size / 2), y: Math.floor(size / 2) };
  const go = (/** @type {Point} */ { x, y }) => {
    at.x = clamp(x, 0, size - 1);
    at.y = clamp(y, 0, size - 1);
    read(at);
  };
  const held = { x: 0, y: 0 };
  box.onpointerdown = (event) => {
    if (look.state.zoom === 1) return;
    box.setPointerCapture(event.pointerId);
    Object.assign(held, pointed(event));
  };
  box.onpointermove = (event) => {
    const { x, y } = pointed(event);
    go({ x: Math.floor(x * size), y: Math.floor(y * size) });
    if (!box.hasPointerCapture(event.pointerId)) return;
    const { zoom } = look.state;
    look.set(moved(look.state, { x: zoom * (x - held.x), y: zoom * (y - held.y) })); // what is held stays at the pointer
  };
  box.onpointerleave = leave;
  box.onblur = leave;
  box.onwheel = (event) => {
    if (!event.ctrlKey) return; // the page scrolls; two fingers on a touchpad are sent with Ctrl
    event.preventDefault();
    look.set(zoomed(look.state, event.deltaY < 0 ? STEP : 1 / STEP, pointed(event)));
  };
  box.onkeydown = (event) => {
    const move = arrowMove(event, FAR);
    if (move) go({ x: at.x + move.x, y: at.y + move.y });
    else if (!press(look, event.key, { x: (at.x + 0.5) / size, y: (at.y + 0.5) / size })) return;
    event.preventDefault();
  };
}

/**
 * Enlarge by a key; whether it is one of those.
 * @param {ReturnType<typeof import("./look.js").pageLook>} look
 * @param {string} key
 * @param {Point} place
 */
export function press(look, key, place) {
  const factor = Object.entries(ZOOMS).find(([name]) => name === key)?.[1];
  if (factor !== undefined) look.set(factor ? zoomed(look.state, factor, place) : { zoom: 1, centre: { x: 0.5, y: 0.5 } });
  return factor !== undefined;
}
