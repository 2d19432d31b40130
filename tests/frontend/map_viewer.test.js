// What the viewer says of a pixel, and what of a face it shows.

import assert from "node:assert/strict";
import { test } from "node:test";

import { press } from "../../ui/frontend/map_viewer/gestures.js";
import { drawingText, FIRST, largeOf, MOST_ZOOM, moved, offsetOf, pageLook, zoomed } from "../../ui/frontend/map_viewer/look.js";
import { onCrop, onPhoto, placeReader, seenOf } from "../../ui/frontend/map_viewer/original.js";
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
  const pink = drawingText({ ...FIRST, palette: "pink-green" });
  const orange = drawingText({ ...FIRST, palette: "orange-blue" });
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

test("the address carries how maps are drawn and which is large, not what is enlarged", () => {
  const text = drawingText({ ...FIRST, zoom: 4, large: "xSSAB", outlines: false });
  assert.deepEqual(JSON.parse(text), { palette: "", opacity: 90, outlines: false, large: "xSSAB", original: false });
});

test("a title that no tile has stands for the first", () => {
  const tiles = [{ title: "Layered" }, { title: "Aligned crop" }];
  assert.deepEqual(["Aligned crop", "Layered", "", "<b>"].map((title) => largeOf(tiles, title)), [1, 0, 0, 0]);
});

// A crop of 112 pixels on a photograph of 640 x 480: three times as large, turned by a right angle, its upper left corner
// at (500, 100).
const photograph = { width: 640, height: 480, toPhoto: [0, 3, -3, 0, 500, 100] };

test("a place on the crop is found on the photograph, and back", () => {
  assert.deepEqual(onPhoto(photograph, { x: 10, y: 20 }), { x: 440, y: 130 });
  const { x, y } = onCrop(photograph, { x: 440, y: 130 });
  near(x, 10);
  near(y, 20);
  assert.equal(placeReader("Probe", photograph)({ x: 9, y: 19 }), "Probe, photograph: x 441, y 128");
});

test("the photograph is seen whole; enlarged, around the same place and at the scale of the crop", () => {
  assert.deepEqual(seenOf({ zoom: 1, centre: { x: 0.5, y: 0.5 } }, photograph, 112), { x: 0, y: -80, side: 640 });
  const { x, y, side } = seenOf({ zoom: 4, centre: { x: 0.25, y: 0.75 } }, photograph, 112);
  near(side, (3 * 112) / 4);
  const middle = onPhoto(photograph, { x: 28, y: 84 });
  near(x + side / 2, middle.x);
  near(y + side / 2, middle.y);
});

test("viewers are told of photographs, which take the place of those before", () => {
  const told = [];
  const stop = pageLook().listen(() => told.push(Object.keys(pageLook().photographs)));
  pageLook().show({ first: [] });
  pageLook().show({ second: [] });
  stop();
  assert.deepEqual(told, [["first"], ["second"]]);
});
