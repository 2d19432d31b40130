// One card: two faces, what was decided, and links to where the pair opens.

import { make, outlineOf, picture, shape } from "../shared/dom.js";

/** @param {Face} face */
function faceOf(face) {
  const box = make("div", { className: "face" }, face.picture ? picture(face.picture, face.alt) : face.alt);
  if (face.picture && face.outline) {
    const frame = { viewBox: `0 0 ${face.size} ${face.size}`, "aria-hidden": "true" };
    box.append(shape("svg", frame, ...outlineOf(face.outline)));
  }
  return make("figure", {}, box, make("figcaption", { textContent: face.name }));
}

/**
 * @param {Card} card
 * @param {number} index
 */
function linksOf(card, index) {
  return card.places.map(({ title, href }, number) => {
    const link = make("a", { href, textContent: title });
    link.setAttribute("aria-label", `${title}: ${card.title}`);
    link.dataset.key = `${number} ${index}`;
    return link;
  });
}

/**
 * @param {Card} card
 * @param {number} index
 * @param {Choose} choose
 */
function choiceOf(card, index, choose) {
  if (card.chosen === null) return [];
  const box = make("input", { type: "checkbox", checked: card.chosen, onchange: () => choose(card.id, box.checked) });
  box.setAttribute("aria-label", `On the sheet: ${card.title}`);
  box.dataset.key = `sheet ${index}`;
  return [make("label", { className: "choice" }, box, "Sheet")];
}

/** @typedef {(id: Card["id"], on: boolean) => void} Choose */

/**
 * @param {Card} card
 * @param {number} index its place on the page
 * @param {Choose} choose
 */
export function cardOf(card, index, choose) {
  const outcome = make("div", { className: "outcome", textContent: card.outcome });
  outcome.dataset.tone = card.tone;
  const parts = [
    make("div", { className: "faces" }, ...card.faces.map(faceOf)),
    outcome,
    make("div", { className: "numbers", textContent: card.numbers }),
    make("div", { textContent: card.label }),
  ];
  parts.splice(3, 0, ...card.beside.map((said) => make("div", { className: "numbers", textContent: said })));
  if (card.doubt) parts.push(make("div", { className: "doubt", textContent: card.doubt }));
  const item = make("li", { className: "card" }, ...parts, make("div", { className: "actions" }, ...linksOf(card, index), ...choiceOf(card, index, choose)));
  item.dataset.pair = String(card.id);
  return item;
}
