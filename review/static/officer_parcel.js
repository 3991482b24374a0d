// A parcel on a phone: what it is, why it was set aside, what differs, how it looks.

import { element } from "./dom.js";

const BANDS = { clear: "○ Clear", look: "◐ Look", inspect: "● Inspect" };
const MOST = 4;

/** The elements that tell of `item`; `brief` is what its case comes to. */
export function asParcel(item, brief) {
  const differs = item.manifest.filter((line) => line.differs);
  const others = item.manifest.filter((line) => !line.differs && line.declared);
  return [
    element("div", { class: "name" },
      element("h2", {}, brief.words.charAt(0).toUpperCase() + brief.words.slice(1)),
      item.band ? element("span", { class: `tag ${item.band}` }, BANDS[item.band]) : null,
      element("span", { class: "tag" }, brief.state)),
    element("p", { class: "mono soft" }, brief.reference),
    item.description ? element("p", { class: "what" }, item.description) : null,
    pictures(item),
    due(brief.due),
    item.reasons.length
      ? element("ul", { class: "reasons" }, item.reasons.slice(0, MOST).map((reason) => element("li", {}, reason.sentence)))
      : null,
    carton(item.carton),
    lines("Differs from the manifest", differs, true),
    others.length ? element("details", {}, element("summary", {}, "The rest of the manifest"), lines(null, others, true)) : null,
  ].filter(Boolean);
}

/** The period that ends first; the page of the case has them all. */
function due(periods) {
  if (!periods.length) return null;
  const [first] = periods;
  const more = periods.length > 1 ? ` And ${periods.length - 1} more.` : "";
  return element("p", { class: first.late ? "problem" : "notice" }, `${first.words.charAt(0).toUpperCase()}${first.words.slice(1)}: ${first.left}, ${first.day}.${more}`);
}

function pictures(item) {
  const shown = item.images.filter((image) => !image.problem);
  if (!shown.length) return null;
  return element("div", { class: "pictures", tabindex: "0", role: "group", "aria-label": "Pictures" }, shown.slice(0, MOST + 2).map((image) => {
    const address = `/api/items/${item.item_id}/images/${image.n}/picture`;
    const name = [image.kind === "scan" ? "Scan" : "Photo", image.view].filter(Boolean).join(", ");
    return element("a", { href: `${address}?width=1440`, target: "_blank", rel: "noopener" },
      element("img", { src: `${address}?width=640`, alt: name, class: image.kind, loading: "lazy" }));
  }));
}

function carton(told) {
  if (!told) return null;
  const counted = told.counted === null || told.counted === undefined ? "not counted" : `${told.counted} counted`;
  return element("p", { class: "notice" }, `Master carton: ${told.manifested ?? "no number"} manifested, ${counted}.`);
}

function lines(title, told, both) {
  if (!told.length) return null;
  return element("div", {},
    title ? element("h3", {}, title) : null,
    element("dl", { class: "facts" }, told.map((line) => [
      element("dt", {}, line.label),
      element("dd", {}, line.declared ?? "not declared", both && line.seen ? element("span", { class: "soft" }, ` · seen: ${line.seen}`) : null),
    ])));
}
