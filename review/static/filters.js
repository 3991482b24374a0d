// Image filters on Float32Array planes, pure. They follow OpenCV's, borders included, since the
// Python renderer uses those and both must show one picture.

/** Index of a pixel beyond the border, mirrored without repeating the edge: -1 is 1. */
function mirrored(index, length) {
  if (length === 1) return 0;
  while (index < 0 || index >= length) {
    index = index < 0 ? -index : 2 * length - 2 - index;
  }
  return index;
}

/** `plane` with a mirrored border of `margin` on all sides. */
function bordered(plane, width, height, margin) {
  const wide = width + 2 * margin;
  const out = new Float32Array(wide * (height + 2 * margin));
  const columns = new Int32Array(wide);
  for (let x = 0; x < wide; x++) columns[x] = mirrored(x - margin, width);
  for (let y = 0; y < height + 2 * margin; y++) {
    const from = mirrored(y - margin, height) * width;
    const to = y * wide;
    for (let x = 0; x < wide; x++) out[to + x] = plane[from + columns[x]];
  }
  return out;
}

function gaussianWeights(sigma) {
  const size = Math.round(sigma * 8 + 1) | 1;
  const radius = (size - 1) / 2;
  const weights = Float32Array.from({ length: radius + 1 }, (_, i) => Math.exp((-i * i) / (2 * sigma * sigma)));
  const total = weights.reduce((sum, weight, i) => sum + (i ? 2 : 1) * weight, 0);
  return weights.map((weight) => weight / total);
}

/** Gaussian blur of `plane`. */
export function blurred(plane, width, height, sigma) {
  const weights = gaussianWeights(sigma);
  const radius = weights.length - 1;
  const rows = new Float32Array(width * height);
  const line = new Float32Array(width + 2 * radius);
  for (let y = 0; y < height; y++) {
    const at = y * width;
    for (let x = 0; x < line.length; x++) line[x] = plane[at + mirrored(x - radius, width)];
    for (let x = 0; x < width; x++) {
      let sum = weights[0] * line[x + radius];
      for (let i = 1; i <= radius; i++) sum += weights[i] * (line[x + radius - i] + line[x + radius + i]);
      rows[at + x] = sum;
    }
  }
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const at = y * width;
    for (let x = 0; x < width; x++) out[at + x] = weights[0] * rows[at + x];
    for (let i = 1; i <= radius; i++) {
      const above = mirrored(y - i, height) * width;
      const below = mirrored(y + i, height) * width;
      const weight = weights[i];
      for (let x = 0; x < width; x++) out[at + x] += weight * (rows[above + x] + rows[below + x]);
    }
  }
  return out;
}

const COLOUR_BINS = 4096;

/** Mean over near neighbours of near values: noise goes, edges stay. Five pixels across. */
export function bilateral(plane, width, height, sigmaValue, sigmaSpace) {
  let least = Infinity;
  let most = -Infinity;
  for (const value of plane) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (!(most - least > 1e-12)) return plane.slice();
  const scale = COLOUR_BINS / (most - least);
  const byDifference = new Float32Array(COLOUR_BINS + 2);
  for (let i = 0; i < byDifference.length; i++) {
    byDifference[i] = Math.exp((-0.5 * (i / scale) ** 2) / sigmaValue ** 2);
  }
  const margin = 2;
  const wide = width + 2 * margin;
  const source = bordered(plane, width, height, margin);
  const offsets = [];
  const bySpace = [];
  for (let dy = -margin; dy <= margin; dy++) {
    for (let dx = -margin; dx <= margin; dx++) {
      const squared = dx * dx + dy * dy;
      if (squared > margin * margin) continue;
      offsets.push(dy * wide + dx);
      bySpace.push(Math.exp((-0.5 * squared) / sigmaSpace ** 2));
    }
  }
  const steps = Int32Array.from(offsets);
  const space = Float32Array.from(bySpace);
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    let at = (y + margin) * wide + margin;
    for (let x = 0; x < width; x++, at++) {
      const centre = source[at];
      let sum = 0;
      let weightSum = 0;
      for (let i = 0; i < steps.length; i++) {
        const value = source[at + steps[i]];
        const bin = Math.abs(value - centre) * scale;
        const whole = bin | 0;
        const low = byDifference[whole];
        const weight = space[i] * (low + (bin - whole) * (byDifference[whole + 1] - low));
        sum += value * weight;
        weightSum += weight;
      }
      out[y * width + x] = sum / weightSum;
    }
  }
  return out;
}

/** For each pixel, whether most of its 3x3 neighbours are `true`: the median of yes and no. */
export function mostly(flags, width, height) {
  const rows = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const at = y * width;
    for (let x = 0; x < width; x++) {
      const left = x ? x - 1 : 0;
      const right = x < width - 1 ? x + 1 : x;
      rows[at + x] = flags[at + left] + flags[at + x] + flags[at + right];
    }
  }
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const at = y * width;
    const above = y ? at - width : at;
    const below = y < height - 1 ? at + width : at;
    for (let x = 0; x < width; x++) {
      out[at + x] = rows[above + x] + rows[at + x] + rows[below + x] > 4 ? 1 : 0;
    }
  }
  return out;
}
