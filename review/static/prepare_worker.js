// Prepares scans beside the page, so that no key press ever waits for the filters.

import { planes } from "./material.js";
import { prepare } from "./xray.js";

let renderer = null;

addEventListener("message", ({ data }) => {
  if (data.renderer) {
    renderer = data.renderer;
    return;
  }
  const { id, pixels, channels, rgba, width, height, airLevel } = data;
  try {
    const [low, high = null] = rgba ? [darkness(rgba)] : planes(pixels, channels);
    const prepared = prepare({ low, high, rgba, width, height, airLevel: rgba ? 255 : airLevel }, renderer);
    const arrays = Object.values(prepared).filter((value) => ArrayBuffer.isView(value));
    postMessage({ id, prepared }, arrays.map((array) => array.buffer));
  } catch (error) {
    postMessage({ id, problem: String(error.message ?? error) });
  }
});

/** A rendering's lightness as if it were counts of one energy, air at 255. */
function darkness(rgba) {
  return Uint16Array.from(rgba, (colour) =>
    Math.max(1, Math.round(0.299 * (colour & 255) + 0.587 * ((colour >> 8) & 255) + 0.114 * ((colour >> 16) & 255))),
  );
}
