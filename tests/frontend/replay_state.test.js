// Moving and playing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FULL } from "../../ui/frontend/replay/order.js";
import { keyed, played, resting, started } from "../../ui/frontend/replay/state.js";

const STEPS = 20;

/** The states of a play-through from `state` that is drawn every `interval` ms, until it rests. */
function playThrough(state, interval, calm, steps = STEPS) {
  const states = [started(state, 0)];
  for (let now = interval; states.at(-1).playing; now += interval) states.push(played(states.at(-1), now, steps, calm));
  return states;
}

test("a resting position is whole and between the ends", () => {
  assert.deepEqual([-3, 0.4, 0.5, 999.6, 1200].map((at) => resting(at).position), [0, 0, 1, FULL, FULL]);
  assert.equal(resting(3).playing, false);
});

test("a play-through takes eight seconds however often it is drawn, and rests at the end", () => {
  for (const interval of [4, 16, 50]) {
    const states = playThrough(resting(0), interval, false);
    assert.ok(Math.abs((states.length - 1) * interval - 8000) <= interval);
    assert.deepEqual(states.at(-1), resting(FULL));
  }
});

test("half of the play-through is half of the way, with fractions of a per mille kept", () => {
  assert.equal(played(started(resting(0), 1000), 5000, STEPS, false).position, FULL / 2);
  assert.equal(played(started(resting(0), 0), 1, STEPS, false).position, 0.125);
});

test("playing goes on from where it stands, and from the beginning at the end", () => {
  assert.equal(started(resting(300), 0).position, 300);
  assert.equal(started(resting(FULL), 0).position, 0);
});

test("a clock that runs back does not leave the beginning", () => {
  assert.equal(played(started(resting(0), 10), 0, STEPS, false).position, 0);
});

test("without motion it stands on each measured step in turn for 0.7 seconds", () => {
  for (const steps of [STEPS, 7, 3]) {
    const states = playThrough(resting(0), 16, true, steps);
    const positions = [...new Set(states.map(({ position }) => position))];
    assert.deepEqual(positions, Array.from({ length: steps + 1 }, (_, step) => (step * FULL) / steps));
    assert.ok(Math.abs((states.length - 1) * 16 - steps * 704) <= 16);
  }
  const between = started(resting(120), 0);
  assert.equal(played(between, 700, STEPS, true), between);
  assert.equal(played(between, 701, STEPS, true).position, 150);
});

test("keys lead one per cent, one measured step, ten per cent or to an end", () => {
  const from = (key, shiftKey = false) => keyed(500, { key, shiftKey }, STEPS);
  assert.deepEqual(["ArrowLeft", "ArrowDown", "ArrowRight", "ArrowUp"].map((key) => from(key)), [490, 490, 510, 510]);
  assert.deepEqual(["ArrowLeft", "ArrowRight"].map((key) => from(key, true)), [450, 550]);
  assert.deepEqual(["PageUp", "PageDown", "Home", "End"].map((key) => from(key)), [600, 400, 0, FULL]);
  assert.equal(from("Enter"), undefined);
});

test("a remote control's next page is the next measured step", () => {
  const from = (key) => keyed(500, { key, shiftKey: false }, STEPS, true);
  assert.deepEqual(["PageUp", "PageDown", "ArrowRight"].map(from), [450, 550, 510]);
});

test("no transition changes the state it is given", () => {
  const state = Object.freeze(resting(100));
  const playing = Object.freeze(started(state, 0));
  played(playing, 800, STEPS, false);
  assert.deepEqual([state.position, playing.position], [100, 100]);
});
