// What the components share: decoding, and where keys and pointers lead. The base64 was made by numpy.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bytes, floats, integers } from "../../ui/frontend/shared/decode.js";
import { arrowMove, clamp, pointedAt } from "../../ui/frontend/shared/pointing.js";

test("arrays arrive as numpy packed them", () => {
  assert.deepEqual([...bytes("AH//")], [0, 127, 255]);
  assert.deepEqual([...floats("AAAAAAAAwL8AAIA1")], [0, -1.5, 2 ** -20]);
  assert.deepEqual([...integers("AAAAAAMAAAD//////zAAAA==")], [0, 3, -1, 12543]);
});

test("a value outside is brought to the nearer end", () => {
  assert.deepEqual([-1, 0, 3, 7, 8].map((value) => clamp(value, 0, 7)), [0, 0, 3, 7, 7]);
});

test("arrow keys move by one, with Shift farther, and no other key moves", () => {
  assert.deepEqual(arrowMove({ key: "ArrowLeft", shiftKey: false }, 8), { x: -1, y: 0 });
  assert.deepEqual(arrowMove({ key: "ArrowDown", shiftKey: true }, 8), { x: 0, y: 8 });
  assert.equal(arrowMove({ key: "Home", shiftKey: false }, 8), null);
});

test("a pointer is given as shares of what it points at", () => {
  const element = { getBoundingClientRect: () => ({ left: 100, top: 50, width: 200, height: 400 }) };
  assert.deepEqual(pointedAt({ clientX: 150, clientY: 250 }, element), { x: 0.25, y: 0.5 });
});
