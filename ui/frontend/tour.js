// Points at what a step of the tour is about.

import { rootOf } from "./shared/dom.js";

const SETTLES = 300;

/** @param {Component<{ place: string }>} component */
export default function ({ data, parentElement }) {
  const root = rootOf(parentElement, "tour");
  if (root.dataset.place === data.place) return;
  root.dataset.place = data.place;
  // What is above it may still be growing.
  setTimeout(() => document.querySelector(`.st-key-${data.place}`)?.scrollIntoView({ behavior: "smooth" }), SETTLES);
}
