// When a replay is drawn.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Player } from "../../ui/frontend/replay/player.js";

/** A player in a browser whose next frame never comes, and the positions that it drew. */
function waiting() {
  Object.assign(globalThis, { matchMedia: () => ({ matches: false }), requestAnimationFrame: () => 1 });
  /** @type {number[]} */
  const drawn = [];
  return { player: new Player(({ position }) => void drawn.push(position)), drawn };
}

test("new data are drawn at once: laying them out has emptied the canvas, which no frame may show", () => {
  const { player, drawn } = waiting();
  player.reset(250);
  player.redraw();
  assert.deepEqual(drawn, [250]);
});

test("what changes the position is drawn with the next frame", () => {
  const { player, drawn } = waiting();
  player.drag(250);
  assert.deepEqual(drawn, []);
});
