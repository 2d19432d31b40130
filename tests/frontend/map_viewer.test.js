// What the viewer says of a pixel, and what of a face it shows.

import assert from "node:assert/strict";
import { test } from "node:test";

import { press } from "../../ui/frontend/map_viewer/gestures.js";
import { FIRST, MOST_ZOOM, moved, offsetOf, pageLook, zoomed } from "../../ui/frontend/map_viewer/look.js";
import { ranksOf, readerOf } from "../../ui/frontend/map_viewer/tile.js";

const packed = (values) => Buffer.from(new Float32Array(values).buffer).toString("base64");
const near = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-9, `${found} is not ${expected}`);

test("a pixel of a map is read with its value, its share of full colour and its rank", () => {
  const words = readerOf({ title: "Layered", values: packed([0, 0.25, -0.5, 1]), scale: 2 }, "Probe", 2);
  assert.equal(
    words({ x: 0, y: 1 }),
    "Probe, layered: x 0, y 1, value -5.000e-1, 25 % of full colour, rank 4 of 4 from the highest",
  );
});

test("a pixel of a crop without a map is only placed", () => {
  assert.equal(readerOf({ title: "Aligned crop" }, "Reference", 2)({ x: 1, y: 0 }), "Reference, aligned crop: x 1, y 0");
});

test("equal values share the rank of the first of them", () => {
  assert.deepEqual([...ranksOf(new Float32Array([1, 3, 1, 2]))], [2, 0, 2, 1]);
});

test("what is enlarged stays under the pointer and fills its tile", () => {
  let state = { zoom: 1, centre: { x: 0.5, y: 0.5 } };
  const place = { x: 0.4, y: 0.7 };
  const seen = ({ zoom, centre }) => {
    const { x, y } = offsetOf({ zoom, centre });
    return { x: x + zoom * place.x, y: y + zoom * place.y };
  };
  const first = seen(state);
  for (let i = 0; i < 20; i++) {
    state = zoomed(state, 1.5, place);
    const { x, y } = offsetOf(state);
    assert.ok(state.zoom <= MOST_ZOOM && x <= 0 && y <= 0 && x >= 1 - state.zoom && y >= 1 - state.zoom);
  }
  near(seen(state).x, first.x);
  near(seen(state).y, first.y);
  assert.equal(state.zoom, MOST_ZOOM);
});

test("a face is moved no farther than its edge", () => {
  const state = moved({ zoom: 4, centre: { x: 0.5, y: 0.5 } }, { x: 0.4, y: -9 });
  near(state.centre.x, 0.4);
  near(state.centre.y, 1 - 0.5 / 4);
  assert.deepEqual(moved({ zoom: 1, centre: { x: 0.5, y: 0.5 } }, { x: 3, y: 3 }).centre, { x: 0.5, y: 0.5 });
});

test("all viewers of a page are told of one state until they stop listening", () => {
  const told = [];
  const stop = pageLook().listen(({ zoom }) => told.push(zoom));
  assert.equal(press(pageLook(), "+", { x: 0.5, y: 0.5 }), true);
  assert.equal(press(pageLook(), "x", { x: 0.5, y: 0.5 }), false);
  assert.equal(press(pageLook(), "0", { x: 0.5, y: 0.5 }), true);
  stop();
  pageLook().set(FIRST);
  assert.deepEqual(told, [1.5, 1]);
});

test("what Python says of the drawing counts where it is news", () => {
  const look = pageLook();
  const pink = JSON.stringify({ palette: "pink-green", opacity: 90 });
  const orange = JSON.stringify({ palette: "orange-blue", opacity: 90 });
  look.adopt(pink);
  assert.equal(look.state.palette, "pink-green");
  look.set({ palette: "orange-blue" });
  look.adopt(pink); // the page as it was
  assert.equal(look.state.palette, "orange-blue");
  look.reported = orange;
  look.set({ palette: "pink-green" }); // once more, before the answer
  look.adopt(orange);
  assert.equal(look.state.palette, "pink-green");
  look.adopt(pink);
  look.adopt(orange); // a step forward in the browser
  assert.equal(look.state.palette, "orange-blue");
});
