// The panes side by side: one view for all, marks on and off, one pane big, fingers and the mouse.

import { byId, element } from "./dom.js";
import { Pane } from "./pane.js";
import { FIT, panned, stepped, zoomed } from "./view.js";

const SWIPE_PX = 60;

export class Viewer {
  constructor(images, onUse) {
    this.images = images;
    this.onUse = onUse; // told of every function, by name, when it is used
    this.grid = byId("panes");
    this.strip = byId("strip");
    this.panes = [];
    this.at = 0; // the pane that was chosen last
    this.isBig = false; // whether it has all the room
    this.state = { name: "colour", edges: false, marks: false, boxes: false };
    this.view = FIT;
    new ResizeObserver(() => this.arrange()).observe(this.grid);
    this.listenToPointers();
  }

  /** Show the loaded pictures of a parcel, in colour and whole, or as they were where more came in. */
  show(panes, { marks, keeps = false }) {
    this.panes = panes.map((shown) => new Pane(shown));
    if (!keeps) {
      this.state = { name: "colour", edges: false, marks, boxes: false };
      this.view = FIT;
      this.at = 0;
      this.isBig = false;
    }
    this.repaint();
    this.arrange();
  }

  /** Change what is shown; gives back a function that takes exactly this change back. */
  set(change) {
    const before = Object.fromEntries(Object.keys(change).map((name) => [name, this.state[name]]));
    this.state = { ...this.state, ...change };
    if ("name" in change || "edges" in change) this.repaint();
    this.drawState();
    return () => this.set(before);
  }

  get has() {
    const kinds = new Set(this.panes.flatMap((pane) => pane.boxes.map(({ box }) => box.kind)));
    const hasHeat = this.panes.some((pane) => pane.shown.heat);
    return { marks: kinds.has("mark") || kinds.has("zone") || hasHeat, boxes: kinds.has("piece") };
  }

  repaint() {
    if (!this.panes.length) return;
    this.images.shades.fillAll(); // nothing is left to fill, but for a parcel that came very early
    for (const pane of this.panes) pane.paint(this.images.shades, this.state.name, this.state.edges);
  }

  drawState() {
    this.grid.classList.toggle("with-marks", this.state.marks);
    this.grid.classList.toggle("with-boxes", this.state.boxes);
    this.grid.dispatchEvent(new CustomEvent("state", { detail: this.state }));
  }

  get isNarrow() {
    return this.grid.clientWidth < 640;
  }

  /** Which panes there is room for: one alone, or the scan and what stands beside it. */
  visible() {
    if (this.isBig || this.isNarrow) return this.panes.length ? [this.at] : [];
    const { clientWidth, clientHeight } = this.grid;
    const beside = clientWidth >= 1900 && clientHeight >= 900 ? 4 : 2;
    const from = Math.min(Math.max(this.at - beside, 0), Math.max(this.panes.length - 1 - beside, 0));
    return this.panes.map((_, index) => index).filter((index) => !index || (index > from && index <= from + beside));
  }

  arrange() {
    const shown = this.visible();
    this.grid.replaceChildren(...shown.map((index) => this.panes[index].element));
    this.grid.dataset.count = shown.length;
    this.strip.replaceChildren(...this.panes.map((pane, index) => this.thumb(pane, index, shown)));
    this.place();
    this.drawState();
  }

  thumb(pane, index, shown) {
    return element(
      "button",
      { class: "thumb", type: "button", "aria-pressed": String(shown.includes(index)), on: { click: (event) => { this.choose(index); event.currentTarget.blur(); } } },
      pane.shown.title,
    );
  }

  choose(index) {
    const wasShown = this.visible().includes(index);
    this.isBig = wasShown ? !this.isBig : this.isBig;
    this.at = index;
    this.arrange();
  }

  /** Each pane big in turn, then all again; where there is room for one only, the next one. */
  cycle(step = 1) {
    const count = this.panes.length;
    if (count < 2) return;
    const next = this.isBig || this.isNarrow ? this.at + step : step > 0 ? 0 : count - 1;
    const isPast = next < 0 || next >= count;
    this.isBig = !this.isNarrow && !isPast;
    this.at = isPast ? (this.isNarrow ? (next + count) % count : 0) : next;
    this.arrange();
  }

  zoom(steps) {
    const pane = this.panes[this.visible()[0]];
    if (pane) this.look(stepped(this.view, steps, pane.contentXyxy, pane.room));
  }

  fit() {
    this.look(FIT);
  }

  look(view) {
    if (view.zoom !== this.view.zoom) this.onUse("zoom");
    this.view = view;
    this.place();
  }

  place() {
    for (const index of this.visible()) this.panes[index].place(this.view);
  }

  paneAt(target) {
    return this.panes.find((pane) => pane.stage.contains(target));
  }

  listenToPointers() {
    const fingers = new Map();
    let start = null;
    const pointIn = (pane, event) => {
      const box = pane.stage.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    this.grid.addEventListener("wheel", (event) => {
      const pane = this.paneAt(event.target);
      if (!pane || !pane.size) return;
      event.preventDefault();
      this.look(zoomed(this.view, Math.exp(-event.deltaY * 0.0016), pane.contentXyxy, pane.room, pointIn(pane, event)));
    }, { passive: false });
    // A quick swipe is a fling to Chromium even where touch-action is none, and the tap that ends a
    // fling presses no button: Inspect would be lost right after a picture was turned.
    this.grid.addEventListener("touchmove", (event) => event.preventDefault(), { passive: false });
    this.grid.addEventListener("pointerdown", (event) => {
      const pane = this.paneAt(event.target);
      if (!pane || event.button !== 0) return;
      this.grid.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      start = { pane, x: event.clientX, moved: fingers.size > 1, zoom: this.view.zoom };
    });
    this.grid.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before || !start?.pane.size) return;
      const { pane } = start;
      const now = { x: event.clientX, y: event.clientY };
      if (fingers.size === 2) {
        const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
        const spread = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
        const middle = pointIn(pane, { clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 });
        this.look(zoomed(this.view, spread(now, other) / Math.max(spread(before, other), 1), pane.contentXyxy, pane.room, middle));
        start.moved = true;
      }
      this.look(panned(this.view, (now.x - before.x) / fingers.size, (now.y - before.y) / fingers.size, pane.contentXyxy, pane.room));
      fingers.set(event.pointerId, now);
    });
    const up = (event) => {
      if (!fingers.delete(event.pointerId) || !start) return;
      const dx = event.clientX - start.x;
      if (!fingers.size && !start.moved && start.zoom === 1 && event.pointerType === "touch" && Math.abs(dx) > SWIPE_PX) {
        this.cycle(dx < 0 ? 1 : -1);
      }
      if (!fingers.size) start = null;
    };
    this.grid.addEventListener("pointerup", up);
    this.grid.addEventListener("pointercancel", up);
    this.grid.addEventListener("dblclick", () => this.look(this.view.zoom > 1 ? FIT : { ...this.view, zoom: 1 }));
  }
}

/** What `loaded` pictures of `item` are shown as: the scans, each photo and its references after it. */
export function panesOf(item, loaded) {
  const panes = [];
  for (const { image, prepared, heat, photo, references = [], problem } of loaded) {
    const pieces = (item.carton?.boxes ?? []).filter((box) => box.n === image.n);
    panes.push({
      kind: image.kind,
      title: titleOf(image),
      detail: detailOf(image, prepared),
      differs: image.zones.length > 0,
      prepared,
      heat,
      picture: photo,
      full: image.width_px,
      problem,
      boxes: [
        // Counted pieces are the carton's outlines, with numbers that the panel knows too.
        ...image.marks.filter((mark) => mark.code !== "pieces.piece" || !pieces.length).map((mark) => ({ kind: mark.code.startsWith("code.") ? "code" : "mark", ...mark })),
        ...image.zones.map((zone) => ({ kind: "zone", label: String(zone.number), ...zone })),
        ...pieces.map((piece) => ({ kind: "piece", label: String(piece.number), sentence: `inner parcel ${piece.number}`, ...piece })),
      ],
    });
    references.forEach((picture, at) => {
      if (!picture) return;
      panes.push({
        kind: "reference",
        title: "Genuine reference",
        detail: image.references[at].caption,
        differs: image.zones.length > 0,
        picture,
        boxes: image.zones
          .filter((zone) => zone.reference_xyxy)
          .map((zone) => ({ kind: "zone", label: String(zone.number), sentence: zone.sentence, box_xyxy: zone.reference_xyxy })),
      });
    });
  }
  // The scans, then a photo that differs with its reference beside it, the rest, what cannot be shown.
  const rank = (pane) => (pane.problem ? 3 : pane.kind === "scan" ? 0 : pane.differs ? 1 : 2);
  return panes.sort((a, b) => rank(a) - rank(b));
}

function titleOf(image) {
  const what = image.kind === "scan" ? "X-ray" : "Photo";
  const where = [image.view, image.station === "origin" ? "at origin" : null].filter(Boolean).join(" ");
  return where ? `${what}, ${where}` : what;
}

function detailOf(image, prepared) {
  const form = prepared ? (prepared.rows ? "both energies" : prepared.rgba ? "the scanner's own rendering" : "one energy") : null;
  const pitch = image.pixel_pitch_mm ? `${Number(image.pixel_pitch_mm.toPrecision(3))} mm per pixel` : null;
  return [image.scanner_model, form, pitch, image.note].filter(Boolean).join(" · ");
}
