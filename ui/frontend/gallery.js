// Cards of pairs and a pager. Python makes the pictures and the words; here they are laid out and driven by keyboard.

import { cardOf } from "./gallery/card.js";
import { destination, pagerOf } from "./gallery/pager.js";
import { make, rootOf } from "./shared/dom.js";

/**
 * The control in use, which is made anew with the page.
 * @param {HTMLElement} gallery
 * @returns {string | undefined}
 */
function keyInUse(gallery) {
  const root = gallery.getRootNode();
  const focused = root instanceof ShadowRoot ? root.activeElement : document.activeElement;
  return focused instanceof HTMLElement ? focused.dataset.key : undefined;
}

/** @param {HTMLElement} list */
function columnsOf(list) {
  return getComputedStyle(list).gridTemplateColumns.split(" ").length;
}

/** @param {Component<GalleryData>} component */
export default function ({ data, parentElement, setTriggerValue }) {
  const gallery = rootOf(parentElement, "gallery");
  const inUse = keyInUse(gallery);
  const choose = (/** @type {Card["id"]} */ id, /** @type {boolean} */ on) => setTriggerValue("chosen", { id, on });
  const cards = data.cards.map((card, index) => cardOf(card, index, choose));
  const list = make("ul", { className: "cards" }, ...cards);

  /**
   * @param {number} page
   * @param {number} [card] that has the focus there
   */
  function turnTo(page, card) {
    if (page < 1 || page > data.pages || page === data.page) return;
    if (card !== undefined) gallery.dataset.focusNext = String(card);
    gallery.setAttribute("aria-busy", "true");
    setTriggerValue("page", page);
  }

  const focusCard = (/** @type {number} */ card) => cards.at(card)?.querySelector("a")?.focus();
  list.onkeydown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const current = cards.findIndex((card) => card.contains(/** @type {Node} */ (event.target)));
    const to = destination(event.key, current, cards.length, columnsOf(list));
    if (!to) return;
    if (to.page) turnTo(data.page + to.page, to.card);
    else focusCard(to.card);
    event.preventDefault();
  };

  const pager = (/** @type {"above" | "below"} */ place) => pagerOf(place, data, (page) => turnTo(page));
  const hint = make("p", { className: "hint", textContent: data.hint });
  gallery.replaceChildren(pager("above"), list, pager("below"), hint);
  gallery.removeAttribute("aria-busy");
  gallery.dataset.page = String(data.page);
  const { focusNext } = gallery.dataset;
  delete gallery.dataset.focusNext;
  if (focusNext !== undefined) focusCard(Number(focusNext));
  else if (inUse) /** @type {HTMLElement | null} */ (gallery.querySelector(`[data-key="${inUse}"]`))?.focus();
}
