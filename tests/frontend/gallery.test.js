// Where keys lead in the gallery: 12 cards in 4 columns.

import assert from "node:assert/strict";
import { test } from "node:test";

import { destination } from "../../ui/frontend/gallery/pager.js";

const from = (card) => (key) => destination(key, card, 12, 4);

test("arrows move along and across the rows of a page", () => {
  assert.deepEqual(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].map(from(5)), [
    { page: 0, card: 4 },
    { page: 0, card: 6 },
    { page: 0, card: 1 },
    { page: 0, card: 9 },
  ]);
});

test("beyond either end lie the last card of the page before and the first of the next", () => {
  assert.deepEqual(from(3)("ArrowUp"), { page: -1, card: -1 });
  assert.deepEqual(from(8)("ArrowDown"), { page: 1, card: 0 });
});

test("page keys turn the page, Home and End stay on it", () => {
  assert.deepEqual(["PageUp", "PageDown", "Home", "End"].map(from(5)), [
    { page: -1, card: 0 },
    { page: 1, card: 0 },
    { page: 0, card: 0 },
    { page: 0, card: -1 },
  ]);
});

test("other keys are left to the browser", () => {
  assert.deepEqual(["Enter", "a", "Tab"].map(from(5)), [null, null, null]);
});
