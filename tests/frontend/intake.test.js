// Which side each of the photographs goes to that are given at once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { sharedOut } from "../../ui/frontend/intake/sharing.js";

const side = (title, filled = false, field = `${title}_file_0`) => ({ title, filled, field, several: false });
const titles = (found) => found.sides.map(({ title }) => title);

test("two files are the probe and the reference, whatever is there", () => {
  for (const filled of [false, true]) {
    const found = sharedOut(2, [side("probe", filled), side("reference")]);
    assert.deepEqual([titles(found), found.refusal], [["probe", "reference"], ""]);
  }
});

test("one goes where none is yet, the probe first", () => {
  assert.deepEqual(titles(sharedOut(1, [side("probe"), side("reference")])), ["probe"]);
  assert.deepEqual(titles(sharedOut(1, [side("probe", true), side("reference")])), ["reference"]);
});

test("what fits no side goes nowhere, and a sentence says what to do", () => {
  const both = [side("probe", true), side("reference", true)];
  for (const [count, sides, words] of [
    [0, both, /give files\. Nothing was changed\.$/],
    [1, both, /remove one with its cross, or give two\. Nothing was changed\.$/],
    [3, both, /^A pair takes two photographs, not 3: give two\. .* Nothing was changed\.$/],
    [2, [side("probe"), { ...side("reference"), several: true }], /^The reference takes several photographs: /],
    [2, [side("probe"), side("reference", false, "")], /^The reference comes from the camera: switch that off/],
  ]) {
    const found = sharedOut(count, sides);
    assert.deepEqual(found.sides, []);
    assert.match(found.refusal, words);
  }
});

test("one joins those of a side that takes several", () => {
  assert.deepEqual(titles(sharedOut(1, [{ ...side("probe"), several: true }, side("reference")])), ["probe"]);
});

test("a side that the camera films is in nobody else's way", () => {
  assert.deepEqual(titles(sharedOut(1, [side("probe"), side("reference", true, "")])), ["probe"]);
  assert.deepEqual(titles(sharedOut(1, [side("probe", false, ""), side("reference")])), ["reference"]);
});
