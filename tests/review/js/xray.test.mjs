// The browser's image functions against the arrays that Python wrote into $GOLDEN.
// Started by tests/review/test_browser_pixels.py.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { planes, readRenderer } from "../../../review/static/material.js";
import { canShow, FUNCTIONS, prepare, render, Shades } from "../../../review/static/xray.js";

const folder = process.env.GOLDEN;
const renderer = readRenderer(JSON.parse(readFileSync(join(folder, "renderer.json"))));
const shades = new Shades(renderer).fillAll();
const scans = readdirSync(folder).filter((name) => name.endsWith(".scan.json"));

function load(name, Kind) {
  const bytes = readFileSync(join(folder, name));
  return new Kind(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function compared(rgba, expected) {
  let most = 0;
  let beyond = 0;
  for (let i = 0; i < rgba.length; i++) {
    let worst = 0;
    for (let channel = 0; channel < 3; channel++) {
      worst = Math.max(worst, Math.abs(((rgba[i] >> (8 * channel)) & 255) - expected[3 * i + channel]));
    }
    most = Math.max(most, worst);
    if (worst > 1) beyond++;
  }
  return { most, beyond, share: beyond / rgba.length };
}

assert.ok(scans.length > 0, `no golden scan in ${folder}`);
for (const file of scans) {
  const scan = JSON.parse(readFileSync(join(folder, file)));
  const [low, high = null] = planes(load(scan.pixels, Uint16Array), scan.channels);
  const start = performance.now();
  const prepared = prepare({ low, high, width: scan.width, height: scan.height, airLevel: scan.air_level }, renderer);
  const preparedIn = performance.now() - start;
  const out = new Uint32Array(scan.width * scan.height);

  for (const name of FUNCTIONS) {
    for (const edges of [false, true]) {
      const golden = scan.pictures[`${name}${edges ? "+edges" : ""}`];
      test(`${scan.name}: ${name}${edges ? " with edges" : ""} is Python's picture`, (t) => {
        if (!golden) {
          assert.equal(canShow(prepared, name), false);
          assert.throws(() => render(prepared, shades, name, edges, out), /needs both energies/);
          return;
        }
        const result = compared(render(prepared, shades, name, edges, out), load(golden, Uint8Array));
        t.diagnostic(JSON.stringify({ ...result, prepared_ms: Math.round(preparedIn) }));
        // One level of rounding everywhere. A material on the very limit between two rows of the palette
        // may fall to either side, since OpenCV's sums run in another order: those few are counted.
        assert.ok(result.share <= 0.0001, `${result.beyond} pixels differ by more than one level`);
        assert.ok(scan.tolerance >= result.most, `differs by ${result.most} levels`);
      });
    }
  }
}

test("an unknown function is named in the refusal", () => {
  const prepared = prepare({ low: new Uint16Array(4).fill(60000), width: 2, height: 2, airLevel: 60000 }, renderer);
  assert.throws(() => render(prepared, shades, "sepia", false, new Uint32Array(4)), /no function sepia; known: colour/);
});
