// The pictures of parcels: fetched once, prepared in the worker, kept for the parcels at hand.

import { readRenderer } from "./material.js";
import { Shades } from "./xray.js";

const PHOTO_WIDTHS = [320, 640, 960, 1440, 2400];

export class Images {
  constructor() {
    this.byItem = new Map();
    this.waiting = new Map();
    this.number = 0;
    this.worker = new Worker("/static/prepare_worker.js", { type: "module" });
    this.worker.addEventListener("message", ({ data }) => {
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.problem) reject(new Error(data.problem));
      else resolve(data.prepared);
    });
    this.ready = this.start();
  }

  async start() {
    const renderer = readRenderer(await (await fetched("/api/renderer")).json());
    this.worker.postMessage({ renderer });
    this.shades = new Shades(renderer);
    const fill = (deadline) => {
      while (this.shades.fillSome(8)) {
        if (deadline && deadline.timeRemaining() < 4) return void whenIdle(fill);
      }
    };
    whenIdle(fill);
  }

  /** Load everything that is shown of `item`; the same promise for whoever asks again. */
  load(item) {
    let loading = this.byItem.get(item.item_id);
    if (!loading) {
      loading = item.images.map((image) => this.one(item, image).catch((error) => ({ image, problem: error.message })));
      this.byItem.set(item.item_id, loading);
    }
    return loading;
  }

  /** Forget all parcels but `itemIds`. */
  keep(itemIds) {
    for (const id of this.byItem.keys()) {
      if (!itemIds.includes(id)) this.byItem.delete(id);
    }
  }

  async one(item, image) {
    if (image.problem) return { image, problem: image.problem };
    const base = `/api/items/${item.item_id}/images/${image.n}`;
    if (image.kind === "photo") {
      const [photo, references] = await Promise.all([
        loadPicture(`${base}/picture?width=${photoWidth()}&v=${image.version ?? ""}`),
        Promise.all(image.references.map((one) => loadPicture(`${base}/reference/${one.k}`).catch(() => null))),
      ]);
      return { image, photo, references };
    }
    // The map is worked out when it is asked for, and nobody waits for it: it is shown after the first look.
    const heat = image.heat ? loadPicture(`${base}/heat?v=${image.version ?? ""}`).catch(() => null) : null;
    const scan = image.form === "colour" ? await this.rendering(base, image) : await this.counts(base, image);
    await this.ready;
    return { image, prepared: await this.prepare(scan), heat };
  }

  async counts(base, image) {
    const answer = await fetch(`${base}/pixels?v=${image.version ?? ""}`);
    // Only the file itself may say that a scan is a rendering, which has no counts.
    if (!answer.ok) return this.rendering(base, image);
    const [width, height, channels] = ["x-width", "x-height", "x-channels"].map((name) => Number(answer.headers.get(name)));
    const pixels = new Uint16Array(await inflated(answer, 2 * width * height * channels));
    return { pixels, channels, width, height, airLevel: Number(answer.headers.get("x-air-level")) };
  }

  async rendering(base, image) {
    const picture = await loadPicture(`${base}/picture?v=${image.version ?? ""}`);
    const [width, height] = [picture.naturalWidth, picture.naturalHeight];
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    return { rgba: new Uint32Array(context.getImageData(0, 0, width, height).data.buffer), width, height };
  }

  prepare(scan) {
    const id = this.number++;
    const done = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    const buffers = [scan.pixels, scan.rgba].filter(Boolean).map((array) => array.buffer);
    this.worker.postMessage({ id, ...scan }, buffers);
    return done;
  }
}

/** The bytes of `answer`, whether the browser has unpacked its gzip or not. */
async function inflated(answer, size) {
  const buffer = await answer.arrayBuffer();
  if (buffer.byteLength === size) return buffer;
  const stream = new Blob([buffer]).stream().pipeThrough(new DecompressionStream("gzip"));
  const unpacked = await new Response(stream).arrayBuffer();
  if (unpacked.byteLength !== size) throw new Error(`expected ${size} bytes of pixels, got ${unpacked.byteLength}`);
  return unpacked;
}

async function fetched(url) {
  const answer = await fetch(url);
  await refuse(answer);
  return answer;
}

async function refuse(answer) {
  if (answer.ok) return;
  const detail = await answer.json().then((json) => json.detail, () => null);
  throw new Error(detail ?? `The server answered ${answer.status}.`);
}

async function loadPicture(url) {
  const answer = await fetched(url);
  const picture = new Image();
  const address = URL.createObjectURL(await answer.blob());
  picture.src = address;
  try {
    await picture.decode();
  } finally {
    // A picture that is decoded keeps its pixels; canvases draw from them.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }
  return picture;
}

/** Wide enough for half of the screen at twice its size, and no wider. */
function photoWidth() {
  const wanted = Math.min(screen.width, 3840) * Math.min(devicePixelRatio, 2);
  return PHOTO_WIDTHS.find((width) => width >= wanted) ?? PHOTO_WIDTHS.at(-1);
}

function whenIdle(work) {
  if ("requestIdleCallback" in globalThis) requestIdleCallback(work, { timeout: 2000 });
  else setTimeout(() => work(null), 30);
}
