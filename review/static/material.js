// Attenuation and effective atomic number of a scan's pixels, pure.
// The method, its tables and its constants are those of datasets/xray/zeff.py; the server sends them.

import { bilateral } from "./filters.js";

const SMOOTH_VALUE = 0.25;
const SMOOTH_SPACE = 2.0;

/** What the server sends of the renderer, ready for use. */
export function readRenderer(json) {
  return { ...json, table: floats(json.table), dyes: floats(json.dyes) };
}

function floats(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}

/** Low and high counts of `pixels`, interleaved when there are two channels. */
export function planes(pixels, channels) {
  if (channels === 1) return [pixels];
  const count = pixels.length / 2;
  const low = new Uint16Array(count);
  const high = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    low[i] = pixels[2 * i];
    high[i] = pixels[2 * i + 1];
  }
  return [low, high];
}

/** Attenuation -ln(I/I0) of each pixel, slightly negative where noise exceeds air. */
export function attenuation(counts, airLevel, renderer) {
  const byCount = new Float32Array(65536);
  for (let count = 0; count < 65536; count++) {
    const through = Math.min(Math.max(count / airLevel, renderer.floor), renderer.ceiling);
    byCount[count] = -Math.log(through);
  }
  return Float32Array.from(counts, (count) => byCount[count]);
}

/** Effective atomic number of each pixel, 0 where there is too little material to tell. */
export function atomicNumber(low, high, width, height, renderer) {
  const smoothLow = bilateral(low, width, height, SMOOTH_VALUE, SMOOTH_SPACE);
  const smoothHigh = bilateral(high, width, height, SMOOTH_VALUE, SMOOTH_SPACE);
  const { table, depths, ratios } = renderer;
  const out = new Float32Array(width * height);
  for (let i = 0; i < out.length; i++) {
    const depth = smoothHigh[i];
    if (depth < renderer.least_attenuation) continue;
    const row = placed(depth, depths);
    const column = placed(smoothLow[i] / Math.max(depth, 0.01), ratios);
    const top = Math.min(row | 0, depths.count - 2);
    const left = Math.min(column | 0, ratios.count - 2);
    const down = row - top;
    const right = column - left;
    const at = top * ratios.count + left;
    const upper = table[at] + right * (table[at + 1] - table[at]);
    const lower = table[at + ratios.count] + right * (table[at + ratios.count + 1] - table[at + ratios.count]);
    out[i] = upper + down * (lower - upper);
  }
  return out;
}

/** Where `value` lies on an even grid, as a real index. */
function placed(value, grid) {
  const within = Math.min(Math.max(value, grid.first), grid.last);
  return ((within - grid.first) * (grid.count - 1)) / (grid.last - grid.first);
}
