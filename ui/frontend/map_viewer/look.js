// How maps are drawn and looked at: one state for all viewers of the page, which outlives their new data.

import { clamp } from "../shared/pointing.js";

const KEY = Symbol.for("xssab.look");
export const MOST_ZOOM = 16;

/** @type {LookState} */
export const FIRST = {
  palette: "", opacity: 90, outlines: true, large: "", original: false, compare: "off", wiped: 50, zoom: 1,
  centre: { x: 0.5, y: 0.5 },
};

/**
 * What of a look the address says, as text that is equal where it is.
 * @param {Drawing} drawing
 */
export function drawingText({ palette, opacity, outlines, large, original }) {
  return JSON.stringify({ palette, opacity, outlines, large, original });
}

/**
 * Which of the tiles is large.
 * @param {Pick<MapTile, "title">[]} tiles
 * @param {string} title
 */
export function largeOf(tiles, title) {
  return Math.max(0, tiles.findIndex((tile) => tile.title === title));
}

class Look {
  state = FIRST;
  /** @type {PhotoViews} */
  photographs = {};
  /** What of it Python said last, and was told last. */
  given = "";
  reported = "";
  /** @type {Set<(state: LookState) => void>} */
  #listeners = new Set();

  /** @param {Partial<LookState>} changes */
  set(changes) {
    this.state = { ...this.state, ...changes };
    this.#tell();
  }

  /** @param {PhotoViews} photographs of the page, instead of those before */
  show(photographs) {
    this.photographs = photographs;
    this.#tell();
  }

  #tell() {
    for (const tell of [...this.#listeners]) tell(this.state);
  }

  /**
   * What Python says of the drawing counts where it is news: at first, and after a step of the browser.
   * @param {string} given
   */
  adopt(given) {
    const isNews = given !== this.given && given !== this.reported;
    this.given = given;
    if (!isNews) return;
    this.reported = given;
    this.set(JSON.parse(given));
  }

  /**
   * Tell of each change; returns what ends that.
   * @param {(state: LookState) => void} tell
   */
  listen(tell) {
    this.#listeners.add(tell);
    return () => void this.#listeners.delete(tell);
  }
}

/** @returns {Look} */
export function pageLook() {
  /** @type {any} */
  const page = globalThis;
  page[KEY] ??= new Look();
  return page[KEY];
}

/**
 * Where the upper left corner of the enlarged picture lies, in sides of its tile: it always fills the tile.
 * @param {Pick<LookState, "zoom" | "centre">} state
 * @returns {Point}
 */
export function offsetOf({ zoom, centre }) {
  return { x: clamp(0.5 - zoom * centre.x, 1 - zoom, 0), y: clamp(0.5 - zoom * centre.y, 1 - zoom, 0) };
}

/**
 * Enlarged by a factor, such that the place stays where it is.
 * @param {Pick<LookState, "zoom" | "centre">} state
 * @param {number} factor
 * @param {Point} place shares of the crop's side
 */
export function zoomed(state, factor, place) {
  const zoom = clamp(state.zoom * factor, 1, MOST_ZOOM);
  const before = offsetOf(state);
  const along = (/** @type {"x" | "y"} */ axis) => {
    const seenAt = before[axis] + state.zoom * place[axis];
    return place[axis] + (0.5 - seenAt) / zoom;
  };
  return moved({ zoom, centre: { x: along("x"), y: along("y") } }, { x: 0, y: 0 });
}

/**
 * Moved by so many sides of a tile; no farther than its edge.
 * @param {Pick<LookState, "zoom" | "centre">} state
 * @param {Point} by
 */
export function moved({ zoom, centre }, by) {
  const half = 0.5 / zoom;
  const along = (/** @type {"x" | "y"} */ axis) => clamp(centre[axis] - by[axis] / zoom, half, 1 - half);
  return { zoom, centre: { x: along("x"), y: along("y") } };
}
