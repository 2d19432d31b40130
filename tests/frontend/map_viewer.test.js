// What the viewer says of a pixel.

import assert from "node:assert/strict";
import { test } from "node:test";

import { readerOf } from "../../ui/frontend/map_viewer/tile.js";

test("a pixel of a map is read with its value and its share of full colour", () => {
  const values = Buffer.from(new Float32Array([0, 0.25, -0.5, 1]).buffer).toString("base64");
  const words = readerOf({ title: "Probe", size: 2, values, scale: 2 }, "xSSAB");
  assert.equal(words({ x: 0, y: 1 }), "xSSAB, probe: x 0, y 1, value -5.000e-1, 25 % of full colour");
});

test("a pixel of a crop without a map is only placed", () => {
  assert.equal(readerOf({ title: "Reference", size: 2 }, "Crops")({ x: 1, y: 0 }), "Crops, reference: x 1, y 0");
});
