// What is replaced at a position. The expected counts are those of `xssab_core.replay.dpr.step_counts(112, 21, cells)`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FULL, measured, positionOf, replaced } from "../../ui/frontend/replay/order.js";
import { opaque, putBack } from "../../ui/frontend/replay/pixels.js";
import { readoutOf } from "../../ui/frontend/replay/words.js";

const STEPS = 20;
const PIXELS = { size: 112, units: 112 ** 2 };
const CELLS = { size: 112, units: 7 ** 2 };
const POSITIONS = Array.from({ length: STEPS + 1 }, (_, step) => positionOf(step, STEPS));

test("at each measured step as many whole pixels are replaced as were scored", () => {
  assert.deepEqual(POSITIONS.map((position) => replaced(position, PIXELS)), [
    0, 627, 1254, 1882, 2509, 3136, 3763, 4390, 5018, 5645, 6272, 6899, 7526, 8154, 8781, 9408, 10035, 10662, 11290,
    11917, 12544,
  ]);
});

test("at each measured step as many whole cells are replaced as were scored", () => {
  assert.deepEqual(POSITIONS.map((position) => replaced(position, CELLS)), [
    0, 512, 1280, 1792, 2560, 3072, 3840, 4352, 5120, 5632, 6400, 6912, 7424, 8192, 8704, 9472, 9984, 10752, 11264,
    12032, 12544,
  ]);
});

test("between two steps pixels and cells go on one by one", () => {
  assert.equal(replaced(1, PIXELS), 13); // 12.544
  assert.equal(replaced(10, CELLS), 0); // 0.49 of a cell
  assert.equal(replaced(11, CELLS), 256); // 0.539 of a cell
  assert.equal(replaced(FULL / 2, { size: 3, units: 9 }), 5); // 4.5
  assert.equal(replaced(333.4, PIXELS), 4182); // 4182.17
});

test("the measured step is the last one at or before the position", () => {
  assert.deepEqual([0, 49, 49.9, 50, 99, 999, FULL].map((position) => measured(position, STEPS)), [0, 0, 0, 1, 1, 19, 20]);
});

test("pixels are put back in the order of their ranks, as dpr.frames puts them", () => {
  const start = opaque(Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
  const end = opaque(Uint8Array.from([100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111]));
  const pixels = { ranks: Int32Array.from([1, 3, 0, 2]), start, end, shown: new Uint32Array(4), veil: new Uint32Array(4) };
  const frames = [0, 1, 3, 4, 1].map((count) => {
    putBack(pixels, count);
    return [...new Uint8Array(pixels.shown.buffer)].filter((_, i) => i % 4 < 3);
  });
  const one = [0, 1, 2, 3, 4, 5, 106, 107, 108, 9, 10, 11];
  assert.deepEqual(frames, [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    one,
    [100, 101, 102, 3, 4, 5, 106, 107, 108, 109, 110, 111],
    [100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111],
    one,
  ]);
  assert.deepEqual([...pixels.veil].map(Boolean), [false, false, true, false]);
});

test("a colour is opaque, with red in the lowest byte", () => {
  assert.deepEqual([...new Uint8Array(opaque(Uint8Array.from([255, 128, 1])).buffer)], [255, 128, 1, 255]);
});

test("the score said is the last measured one, and where it was measured is said between steps", () => {
  const curves = { scores: Array.from({ length: STEPS + 1 }, (_, step) => 0.5 - step / 40) };
  const texts = { scores: curves.scores.map((score) => score.toFixed(4)), threshold: "0.4750" };
  const data = { ...PIXELS, threshold: 0.475, texts, curves };
  assert.deepEqual(readoutOf(50, data), { text: "5\u00a0% replaced (627 pixels) · score 0.4750 · match", word: "match" });
  assert.deepEqual(readoutOf(125, data), {
    text: "12.5\u00a0% replaced (1,568 pixels) · score at 10\u00a0% 0.4500 · non-match",
    word: "non-match",
  });
});
