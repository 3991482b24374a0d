// The image functions of the workstation on 16-bit pixels, pure: no page, no network.
// `prepare` once per scan, `Shades` once per renderer, `render` at each key.
// datasets/xray/functions.py is the same in Python; a test compares every function.

import { blurred, mostly } from "./filters.js";
import { atomicNumber, attenuation } from "./material.js";

export const FUNCTIONS = ["colour", "grey", "inverse", "organic", "metal", "high_penetration"];
export const NEEDS_BOTH_ENERGIES = new Set(["organic", "metal"]);

const LEVELS = 2048; // of tone: within one step of 8 bits of the exact picture
const MOST_DEPTH = 12; // attenuation, sharpened; 8.5 is the most before sharpening
const SHOWS_FROM = 0.03; // attenuation, blurred a little: ten times its noise, a third of one thin wire
const OPAQUE = 0xff000000;

/** Tone of a palette by attenuation: steep where little is, slow where much is. */
function tone(depth, gain) {
  return gain * (1.25 * (1 - Math.exp(-depth / 0.55)) + 0.3 * depth);
}

/**
 * What all functions share of one scan.
 *
 * @param low Uint16Array of counts, low energy or the only one.
 * @param high Uint16Array of counts, or null for a single energy.
 * @param airLevel counts of an empty belt.
 * @param rgba Uint32Array of a rendering whose colours are shown as they are, or null.
 * @returns levels of tone per pixel (usual and with edges enhanced), material per pixel.
 */
export function prepare({ low, high = null, rgba = null, width, height, airLevel }, renderer) {
  const one = attenuation(low, airLevel, renderer);
  const two = high ? attenuation(high, airLevel, renderer) : one;
  const depth = new Float32Array(width * height);
  for (let i = 0; i < depth.length; i++) depth[i] = Math.max((one[i] + two[i]) / 2, 0);
  const fine = blurred(depth, width, height, 1.3);
  const coarse = blurred(depth, width, height, 4.0);
  const usual = high ? renderer.sharpen : 0;
  const prepared = {
    width,
    height,
    rgba,
    contentXyxy: contentBox(fine, width, height),
    levels: toneLevels(depth, fine, coarse, usual, renderer.gain),
    edgeLevels: toneLevels(depth, fine, coarse, renderer.edge_strength, renderer.gain),
    rows: null,
    organic: null,
    metal: null,
  };
  if (high) Object.assign(prepared, materials(atomicNumber(one, two, width, height, renderer), width, height, renderer));
  return prepared;
}

/** The box that holds all that weakens the beam visibly, with a margin; the whole scan if nothing. */
function contentBox(depth, width, height) {
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (depth[y * width + x] < SHOWS_FROM) continue;
      if (x < x0) x0 = x;
      if (x >= x1) x1 = x + 1;
      if (y < y0) y0 = y;
      if (y >= y1) y1 = y + 1;
    }
  }
  if (x1 <= x0) return [0, 0, width, height];
  const margin = 4 + 0.03 * Math.max(x1 - x0, y1 - y0);
  return [Math.max(x0 - margin, 0), Math.max(y0 - margin, 0), Math.min(x1 + margin, width), Math.min(y1 + margin, height)];
}

function toneLevels(depth, fine, coarse, strength, gain) {
  const scale = (LEVELS - 1) / tone(MOST_DEPTH, gain);
  const out = new Uint16Array(depth.length);
  for (let i = 0; i < out.length; i++) {
    const edge = depth[i] - fine[i] + 0.12 * (depth[i] - coarse[i]);
    const sharp = Math.min(Math.max(depth[i] + strength * edge, 0), MOST_DEPTH);
    out[i] = tone(sharp, gain) * scale + 0.5;
  }
  return out;
}

/** Palette row of each pixel, and the two maps that stripping needs, free of speckle. */
function materials(number, width, height, renderer) {
  const step = Math.fround((renderer.steps - 1) / renderer.highest_number);
  const rows = new Uint16Array(number.length);
  const some = new Uint8Array(number.length);
  const heavier = new Uint8Array(number.length);
  for (let i = 0; i < number.length; i++) {
    rows[i] = Math.fround(number[i] * step);
    some[i] = number[i] > 0 ? 1 : 0;
    heavier[i] = number[i] >= renderer.organic_below ? 1 : 0;
  }
  // A limit on the median of values is the median of the limit on each value.
  const organic = mostly(some, width, height);
  const metal = mostly(heavier, width, height);
  for (let i = 0; i < organic.length; i++) organic[i] &= metal[i] ^ 1;
  return { rows, organic, metal };
}

/** Tables from tone and material to colours, filled in parts so that no key press waits. */
export class Shades {
  constructor(renderer) {
    this.renderer = renderer;
    this.depths = depthsOfLevels(renderer.gain);
    const through = (depth) => 255 * Math.exp(-depth);
    const [white, black] = renderer.penetration;
    this.grey = this.greys(through);
    this.inverse = this.greys((depth) => 255 - Math.floor(through(depth)));
    this.high_penetration = this.greys((depth) => 255 * (1 - Math.min(Math.max((depth - white) / (black - white), 0), 1)));
    this.stripped = this.greys((depth) => 255 - renderer.stripped_share * (255 - through(depth)));
    this.colours = new Uint32Array(renderer.steps * LEVELS);
    this.filled = 0;
  }

  greys(level) {
    return Uint32Array.from(this.depths, (depth) => {
      const grey = Math.min(Math.max(Math.floor(level(depth)), 0), 255);
      return (OPAQUE | (grey << 16) | (grey << 8) | grey) >>> 0;
    });
  }

  /** Fill up to `rows` more rows of the colour table; false when nothing is left to fill. */
  fillSome(rows = 16) {
    const { dyes, steps, background, black_from: blackFrom, gain } = this.renderer;
    const end = Math.min(this.filled + rows, steps);
    for (let row = this.filled; row < end; row++) {
      for (let level = 0; level < LEVELS; level++) {
        const depth = this.depths[level];
        const hue = Math.min(Math.max((depth - 0.012) / 0.04, 0), 1);
        const opaque = Math.min(Math.max((depth - blackFrom) / 2.2, 0), 1);
        const strength = tone(depth, gain);
        let colour = OPAQUE;
        for (let channel = 0; channel < 3; channel++) {
          let dye = 0.4 + (dyes[3 * row + channel] - 0.4) * hue;
          dye += (1.7 - dye) * opaque;
          colour |= Math.min(Math.exp(-dye * strength) * background[channel], 255) << (8 * channel);
        }
        this.colours[row * LEVELS + level] = colour >>> 0;
      }
    }
    this.filled = end;
    return end < steps;
  }

  fillAll() {
    while (this.fillSome(64));
    return this;
  }
}

/** Attenuation at each level of tone, by bisection: the tone has no inverse in closed form. */
function depthsOfLevels(gain) {
  const most = tone(MOST_DEPTH, gain);
  return Float64Array.from({ length: LEVELS }, (_, level) => {
    const wanted = (level * most) / (LEVELS - 1);
    let [low, high] = [0, MOST_DEPTH];
    for (let i = 0; i < 44; i++) {
      const middle = (low + high) / 2;
      if (tone(middle, gain) < wanted) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  });
}

/** Whether `name` can be shown of `prepared`: stripping needs both energies. */
export function canShow(prepared, name) {
  return prepared.rows !== null || !NEEDS_BOTH_ENERGIES.has(name);
}

/** Paint what function `name` shows of `prepared` into `out`, a Uint32Array of RGBA. */
export function render(prepared, shades, name, edges, out) {
  const levels = edges ? prepared.edgeLevels : prepared.levels;
  if (name === "colour" && prepared.rgba) return renderRendering(prepared, shades, edges, out);
  if (name === "colour" && prepared.rows) {
    const { rows } = prepared;
    const { colours } = shades;
    for (let i = 0; i < out.length; i++) out[i] = colours[rows[i] * LEVELS + levels[i]];
  } else if (NEEDS_BOTH_ENERGIES.has(name)) {
    if (!prepared.rows) throw new Error(`${name} needs both energies of a scan`);
    const { rows } = prepared;
    const { colours, stripped } = shades;
    const kept = prepared[name];
    for (let i = 0; i < out.length; i++) {
      out[i] = kept[i] ? colours[rows[i] * LEVELS + levels[i]] : stripped[levels[i]];
    }
  } else {
    const greys = name === "colour" ? shades.grey : shades[name];
    if (!greys) throw new Error(`no function ${name}; known: ${FUNCTIONS.join(", ")}`);
    for (let i = 0; i < out.length; i++) out[i] = greys[levels[i]];
  }
  return out;
}

/** A scanner's own rendering, as it is or with its edges darkened. */
function renderRendering({ rgba, levels, edgeLevels }, { depths }, edges, out) {
  if (!edges) {
    out.set(rgba);
    return out;
  }
  for (let i = 0; i < out.length; i++) {
    const change = Math.exp(depths[levels[i]] - depths[edgeLevels[i]]);
    const colour = rgba[i];
    const red = Math.min((colour & 255) * change, 255);
    const green = Math.min(((colour >> 8) & 255) * change, 255);
    const blue = Math.min(((colour >> 16) & 255) * change, 255);
    out[i] = (OPAQUE | (blue << 16) | (green << 8) | red) >>> 0;
  }
  return out;
}
