// Where panes look, and the words of a count: pure functions of the workstation.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BreakClock } from "../../../review/static/watch.js";
import { countWords } from "../../../review/static/panel.js";
import { cap, entryOf, GROUPS, KEYS } from "../../../review/static/keys.js";
import { FIT, MOST_ZOOM, panned, placement, stepped, zoomed } from "../../../review/static/view.js";

const content = [100, 50, 300, 150];
const pane = { width: 400, height: 400 };
const at = (view, x, y) => {
  const { scale, left, top } = placement(view, content, pane);
  return [left + x * scale, top + y * scale];
};

test("the whole content fits and is centred", () => {
  assert.deepEqual(placement(FIT, content, pane).scale, 2);
  assert.deepEqual(at(FIT, 200, 100), [200, 200]);
});

test("the point under the pointer stays where it is, whatever the zoom", () => {
  const point = { x: 300, y: 210 };
  let view = FIT;
  for (const factor of [1.7, 2.1, 0.8]) {
    const { scale, left, top } = placement(view, content, pane);
    const image = [(point.x - left) / scale, (point.y - top) / scale];
    view = zoomed(view, factor, content, pane, point);
    const [x, y] = at(view, ...image);
    assert.ok(Math.hypot(x - point.x, y - point.y) < 1e-6, `${x}, ${y}`);
  }
});

test("zoom has ends, and going back to all of it centres again", () => {
  const near = zoomed(FIT, 1e9, content, pane, { x: 0, y: 0 });
  assert.equal(near.zoom, MOST_ZOOM);
  assert.deepEqual(zoomed(near, 1e-9, content, pane), FIT);
});

test("a drag moves the picture with the finger, and never off the content", () => {
  const view = stepped(FIT, 3, content, pane);
  const [x, y] = at(view, 200, 100);
  const [nextX, nextY] = at(panned(view, 12, -7, content, pane), 200, 100);
  assert.ok(Math.abs(nextX - x - 12) < 1e-9 && Math.abs(nextY - y + 7) < 1e-9);
  const far = panned(view, 1e6, 1e6, content, pane);
  assert.deepEqual([far.x, far.y], [0, 0]);
});

test("a picture that all fits of cannot be dragged away", () => {
  assert.deepEqual(panned(FIT, 50, 50, content, pane), FIT);
});

for (const [told, words] of [
  [{ manifested: 4, counted: 6, low: 5, high: 7 }, "The manifest says 4 pieces; about 6 (5 to 7) counted in the X-ray: ≠ at least 1 more than declared."],
  [{ manifested: 9, counted: 6, low: 5, high: 7 }, "The manifest says 9 pieces; about 6 (5 to 7) counted in the X-ray: ≠ at least 2 fewer than declared."],
  [{ manifested: 6, counted: 6, low: 5, high: 7 }, "The manifest says 6 pieces; about 6 (5 to 7) counted in the X-ray: within the count's uncertainty."],
  [{ manifested: 1, counted: null, low: null, high: null }, "The manifest says 1 piece; the X-ray was not counted."],
  [{ manifested: null, counted: 3, low: null, high: null }, "The manifest gives no number of pieces; about 3 counted in the X-ray."],
]) {
  test(`count in words: ${told.manifested} declared, ${told.counted} counted`, () => assert.equal(countWords(told), words));
}

test("no key stands in the table twice, and each belongs to a group", () => {
  const keys = KEYS.flatMap((entry) => [entry.key, ...(entry.also ?? [])]);
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(KEYS.every((entry) => GROUPS.some((group) => group.name === entry.group)));
  assert.equal(entryOf("C").name, "clear");
  assert.equal(entryOf("Shift"), undefined);
  assert.equal(cap(entryOf("Tab")), "Tab");
});

test("a break is due after so many minutes of work, and a pause begins anew", () => {
  const listeners = [];
  globalThis.addEventListener = (_, listener) => listeners.push(listener);
  globalThis.setInterval = () => 0;
  let now = 0;
  const due = [];
  const clock = new BreakClock(20, (minutes) => due.push(minutes), () => now);
  const work = (minutes) => {
    for (const end = now + minutes * 60_000; now < end; now += 60_000) {
      clock.touched();
      clock.look();
    }
  };
  work(15);
  now += 10 * 60_000; // away
  work(15);
  assert.deepEqual(due, []);
  work(6);
  assert.deepEqual(due, [20]);
});

test("a page that is loaded anew goes on from what the log knows of", () => {
  globalThis.addEventListener = () => {};
  globalThis.setInterval = () => 0;
  let now = 0;
  const due = [];
  const clock = new BreakClock(20, (minutes) => due.push(minutes), () => now, 18);
  clock.look();
  now = 2 * 60_000;
  clock.look();
  assert.deepEqual(due, [20]);
});
