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
    const [low, high = null] = rgba ? [lightness(rgba)] : planes(pixels, channels);
    const air = rgba ? brightest(low) : airLevel;
    const prepared = prepare({ low, high, rgba, width, height, airLevel: air }, renderer);
    const arrays = Object.values(prepared).filter((value) => ArrayBuffer.isView(value));
    postMessage({ id, prepared }, arrays.map((array) => array.buffer));
  } catch (error) {
    postMessage({ id, problem: String(error.message ?? error) });
  }
});

/** A rendering's lightness as if it were counts of one energy. */
function lightness(rgba) {
  return Uint16Array.from(rgba, (colour) =>
    Math.max(1, Math.round(0.299 * (colour & 255) + 0.587 * ((colour >> 8) & 255) + 0.114 * ((colour >> 16) & 255))),
  );
}

/** What a rendering shows of air: lightness that hardly anything exceeds. Makers differ in it. */
function brightest(levels) {
  const counts = new Uint32Array(256);
  for (const level of levels) counts[level]++;
  let left = levels.length * 0.1;
  let level = 255;
  while (left > counts[level] && level > 128) left -= counts[level--];
  return level;
}
