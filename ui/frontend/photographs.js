// Photographs for the viewers of the page.

import { pageLook } from "./map_viewer/look.js";

/** @param {Component<{ views: PhotoViews }>} component */
export default function ({ data }) {
  pageLook().show(data.views);
}
