// Turning the page, by buttons, by number and by keys.

import { make } from "../shared/dom.js";
import { clamp } from "../shared/pointing.js";

/**
 * @param {"above" | "below"} place
 * @param {GalleryData} data
 * @param {(page: number) => void} turnTo
 */
export function pagerOf(place, data, turnTo) {
  const step = (/** @type {string} */ title, /** @type {number} */ page) => {
    const button = make("button", { type: "button", textContent: title, onclick: () => turnTo(page) });
    button.dataset.key = `${place} ${title}`;
    button.setAttribute("aria-disabled", String(page < 1 || page > data.pages));
    return button;
  };
  const input = make("input", { type: "number", min: "1", max: String(data.pages), value: String(data.page) });
  input.dataset.key = `${place} number`;
  input.onchange = () => turnTo(clamp(Math.round(Number(input.value) || 1), 1, data.pages));
  const nav = make("nav", {}, step("Previous", data.page - 1), make("label", {}, "Page", input),
                   `of ${data.pages.toLocaleString("en")}`, step("Next", data.page + 1),
                   make("span", { textContent: data.range }));
  nav.setAttribute("aria-label", `Pages, ${place} the pairs`);
  return nav;
}

/**
 * Where a key leads from a card: to a card of this page, or to the first or last of another; null for another key.
 * @param {string} key
 * @param {number} index of the card
 * @param {number} cards on the page
 * @param {number} columns
 * @returns {{ page: -1 | 0 | 1, card: number } | null} `card` -1 is the last
 */
export function destination(key, index, cards, columns) {
  /** @type {Record<string, number | undefined>} */
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const move = moves[key];
  if (move !== undefined) {
    const next = index + move;
    if (next < 0) return { page: -1, card: -1 };
    return next < cards ? { page: 0, card: next } : { page: 1, card: 0 };
  }
  if (key === "PageUp") return { page: -1, card: 0 };
  if (key === "PageDown") return { page: 1, card: 0 };
  if (key === "Home") return { page: 0, card: 0 };
  if (key === "End") return { page: 0, card: -1 };
  return null;
}
