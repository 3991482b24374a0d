// One picture: a scan on a canvas, a photo or a genuine reference, with what is drawn over it.

import { element } from "./dom.js";
import { placement } from "./view.js";
import { canShow, render } from "./xray.js";

const PIXELATED_FROM = 2; // screen pixels per image pixel; smoothing would hide what was measured
const HEAT_RGB = [200, 0, 70];
const HEAT_MOST = 0.6; // of opaque, so that what it lies on is still seen

export class Pane {
  /**
   * @param shown {kind: "scan"|"photo"|"reference", title, prepared | picture, heat, problem, boxes}; heat is
   *   the promise of a grey map over all of the scan, or of nothing; a box
   *   is {kind: "mark"|"code"|"zone"|"piece", label, sentence, box_xyxy} in pixels of the full-size picture.
   */
  constructor(shown) {
    this.shown = shown;
    this.picture = this.surface();
    this.layer = element("div", { class: "layer" }, this.picture);
    shown.heat?.then((map) => map && this.addHeat(map));
    this.boxes = (shown.boxes ?? []).map((box) => ({ box, frame: frameOf(box) }));
    this.stage = element("div", { class: `stage ${shown.kind}` }, this.layer, this.boxes.map(({ frame }) => frame));
    if (shown.problem) this.stage.append(element("p", { class: "problem" }, `Cannot be shown: ${shown.problem}`));
    this.warning = element("span", { class: "soft" });
    this.element = element(
      "figure",
      { class: "pane", role: "group", "aria-label": shown.title },
      this.stage,
      element("figcaption", {}, element("b", {}, shown.title), shown.detail ? element("span", { class: "soft" }, shown.detail) : null, this.warning),
    );
  }

  surface() {
    const { prepared, picture, kind, title } = this.shown;
    if (prepared) {
      const canvas = element("canvas", { width: prepared.width, height: prepared.height, role: "img", "aria-label": title });
      this.context = canvas.getContext("2d", { alpha: false });
      this.data = this.context.createImageData(prepared.width, prepared.height);
      return canvas;
    }
    if (!picture) return element("span");
    picture.alt = kind === "photo" ? `${title}, as taken` : `${title}, genuine`;
    picture.draggable = false;
    return picture;
  }

  /** Lay `map` over the scan: the redder, the less usual; what is usual stays clear. */
  addHeat(map) {
    this.heat = element("canvas", { class: "heat", width: map.naturalWidth, height: map.naturalHeight, "aria-hidden": "true" });
    const context = this.heat.getContext("2d");
    context.drawImage(map, 0, 0);
    const data = context.getImageData(0, 0, this.heat.width, this.heat.height);
    for (let at = 0; at < data.data.length; at += 4) {
      const share = data.data[at] / 255;
      data.data.set([...HEAT_RGB, 255 * HEAT_MOST * share * share], at); // squared: noise about the usual is no sign
    }
    context.putImageData(data, 0, 0);
    this.heat.style.width = `${this.size.width}px`;
    this.heat.style.height = `${this.size.height}px`;
    this.heat.style.transform = this.picture.style.transform;
    this.layer.append(this.heat);
  }

  /** Pixels of the picture at hand and of the full-size one that boxes are told in. */
  get size() {
    const { prepared, picture, full } = this.shown;
    if (prepared) return { width: prepared.width, height: prepared.height, share: 1 };
    if (!picture) return null;
    return { width: picture.naturalWidth, height: picture.naturalHeight, share: full ? picture.naturalWidth / full : 1 };
  }

  get contentXyxy() {
    const size = this.size;
    return this.shown.prepared?.contentXyxy ?? (size ? [0, 0, size.width, size.height] : [0, 0, 1, 1]);
  }

  get room() {
    return { width: Math.max(this.stage.clientWidth, 1), height: Math.max(this.stage.clientHeight, 1) };
  }

  /** Paint what function `name` shows; what cannot be shown of this scan is said instead. */
  paint(shades, name, edges) {
    if (!this.context) return;
    const possible = canShow(this.shown.prepared, name);
    this.warning.textContent = possible ? "" : "one energy only: material cannot be told, shown in grey";
    const out = new Uint32Array(this.data.data.buffer);
    render(this.shown.prepared, shades, possible ? name : "grey", edges, out);
    this.context.putImageData(this.data, 0, 0);
  }

  place(view) {
    const size = this.size;
    if (!size) return;
    const room = this.room;
    const { scale, left, top } = placement(view, this.contentXyxy, room);
    this.picture.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
    if (this.heat) this.heat.style.transform = this.picture.style.transform;
    this.picture.classList.toggle("pixelated", scale * devicePixelRatio >= PIXELATED_FROM);
    for (const { box, frame } of this.boxes) {
      const [x0, y0, x1, y1] = box.box_xyxy.map((value) => value * size.share * scale);
      frame.style.transform = `translate(${left + x0}px, ${top + y0}px)`;
      frame.style.width = `${Math.max(x1 - x0, 6)}px`;
      frame.style.height = `${Math.max(y1 - y0, 6)}px`;
      frame.classList.toggle("label-inside", top + y0 < 18);
      frame.classList.toggle("label-left", left + x0 > room.width * 0.62);
    }
  }
}

function frameOf(box) {
  return element("div", { class: `frame ${box.kind}`, title: box.sentence ?? box.label }, element("b", {}, box.label));
}
