// What is known of a parcel, beside its pictures: advice, reasons, manifest, carton, the like.

import { element, shortTime } from "./dom.js";

export const BANDS = {
  clear: { icon: "○", words: "Clear" },
  look: { icon: "◐", words: "Look" },
  inspect: { icon: "●", words: "Inspect" },
};
const UNSCORED = { icon: "–", words: "Not scored" };
const OUTCOMES = { violation: "exam found a violation", no_violation: "exam found nothing", not_examined: "not examined" };
const DECISIONS = { clear: "cleared", inspect: "sent to inspection" };

/** The whole column for `item`. */
export function panelOf(item) {
  return [
    head(item),
    section("Why", reasons(item.reasons), "reasons"),
    zonesOf(item).length ? section("Photo against genuine", zones(zonesOf(item)), "zones") : null,
    section("Manifest against seen", manifest(item), "manifest"),
    item.carton ? section(cartonTitle(item), carton(item), "carton") : null,
    section("Not assessed", notAssessed(item.not_assessed), "unassessed"),
    section("Similar parcels", similar(item.similar), "similar"),
    section("What happened", history(item.history), "history"),
    element("p", { class: "versions soft" }, `Models ${short(item.versions?.bundle)} · screening ${short(item.versions?.threshold)}`),
  ].filter(Boolean);
}

export function bandOf(item) {
  return BANDS[item.band] ?? UNSCORED;
}

/** How people speak of `item`. */
export function nameOf(item) {
  return `${item.owner_kind === "carton" ? "Carton" : "Parcel"} ${item.owner_id}`;
}

function head(item) {
  const band = bandOf(item);
  return element(
    "section",
    { class: `advice ${item.band ?? "unscored"}`, "aria-label": "Advice" },
    element("p", { class: "band" }, element("span", { class: "icon", "aria-hidden": "true" }, band.icon), element("b", {}, band.words)),
    element("p", { class: "risk-words" }, item.risk_words),
    element("h1", {}, nameOf(item)),
    item.description ? element("p", { class: "what" }, item.description) : null,
    element("p", { class: "soft where" }, [item.facility, item.lane].filter(Boolean).join(" · "), item.facility || item.lane ? " · " : null, caseOf(item)),
    item.state === "second" ? element("p", { class: "notice" }, "A second opinion is asked for. What the first analyst thinks is not shown.") : null,
    item.state === "disputed" ? element("p", { class: "notice" }, "Two opinions differ. Yours settles it.") : null,
    item.scored_again ? element("p", { class: "notice" }, `A newer run scored it differently, ${shortTime(item.scored_again)}.`) : null,
    item.decision ? element("p", { class: "notice" }, `${capital(DECISIONS[item.decision] ?? item.decision)} by ${item.decided_by ?? "somebody"}, ${shortTime(item.decided_at)}.`) : null,
  );
}

/** The case opens beside the workstation, which would give its parcel back if it were left. */
function caseOf(item) {
  return item.reference ? element("a", { href: `/cases/${item.reference}`, target: "_blank", rel: "noopener" }, item.reference) : null;
}

function section(title, content, name) {
  const { body, open = true, count = null } = content;
  return element(
    "details",
    { class: `part ${name}`, open },
    element("summary", {}, element("h2", {}, title), count === null ? null : element("span", { class: "count" }, count)),
    body,
  );
}

function reasons(list) {
  if (!list.length) return { body: element("p", { class: "soft" }, "No finding speaks against it. It may have been drawn to learn what the model misses.") };
  return {
    body: element("ul", { class: "reasons" }, list.map((reason) => element("li", {}, reason.sentence))),
  };
}

function figure(value) {
  const size = Math.abs(value);
  return value.toLocaleString("en", { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : 2 });
}

function manifest({ manifest: lines }) {
  const differing = lines.filter((line) => line.differs);
  const alike = lines.filter((line) => !line.differs && line.seen !== null);
  const rest = lines.filter((line) => !line.differs && line.seen === null);
  const declared = (line) => line.declared ?? "not declared";
  return {
    count: differing.length ? `≠ ${differing.length} differ${differing.length === 1 ? "s" : ""}` : lines.length ? "nothing differs" : "no row",
    body: element(
      "div",
      {},
      element("dl", { class: "compared" }, [...differing, ...alike].map((line) =>
        element(
          "div",
          { class: line.differs ? "differs" : null },
          element("dt", {}, line.label, line.differs ? element("em", {}, "≠ differs") : null),
          element("dd", {}, element("small", {}, "Declared"), declared(line)),
          element("dd", {}, element("small", {}, "Seen"), line.seen ?? "as a reason above says"),
        ),
      )),
      rest.length ? element("dl", { class: "declared" }, rest.map((line) => [element("dt", {}, line.label), element("dd", {}, declared(line))])) : null,
    ),
  };
}

function zonesOf(item) {
  return item.images.flatMap((image) => image.zones);
}

/** Where photos differ from their genuine references; the numbers are those on the pictures. */
function zones(list) {
  return {
    count: `${list.length} place${list.length === 1 ? "" : "s"}`,
    body: element("ol", { class: "zone-list" }, list.map((zone) => element("li", {}, element("b", {}, String(zone.number)), zone.sentence))),
  };
}

function cartonTitle(item) {
  return item.owner_kind === "carton" ? "Pieces" : `In carton ${item.carton.carton_id}`;
}

function carton({ carton: told }) {
  return {
    body: element(
      "div",
      {},
      element("p", { class: isCountOff(told) ? "differs" : null }, countWords(told)),
      told.parcels.length
        ? element("ul", { class: "inner" }, told.parcels.map((parcel) => innerOf(parcel)), told.more ? element("li", { class: "soft" }, `and ${told.more} more`) : null)
        : null,
    ),
  };
}

function isCountOff({ manifested, counted, low, high }) {
  if (manifested === null || counted === null) return false;
  return manifested < (low ?? counted) || manifested > (high ?? counted);
}

/** Manifested against counted, in words. */
export function countWords(told) {
  const { manifested, counted, low, high } = told;
  const said = manifested === null ? "The manifest gives no number of pieces" : `The manifest says ${pieces(manifested)}`;
  if (counted === null) return `${said}; the X-ray was not counted.`;
  const range = low !== null && high !== null && low !== high ? ` (${figure(low)} to ${figure(high)})` : "";
  const seen = `${said}; about ${figure(counted)}${range} counted in the X-ray`;
  if (manifested === null) return `${seen}.`;
  if (!isCountOff(told)) return `${seen}: within the count's uncertainty.`;
  const more = counted > manifested;
  const by = more ? Math.max(Math.ceil((low ?? counted) - manifested), 1) : Math.max(Math.ceil(manifested - (high ?? counted)), 1);
  return `${seen}: ≠ at least ${by} ${more ? "more" : "fewer"} than declared.`;
}

function pieces(count) {
  return `${count} piece${count === 1 ? "" : "s"}`;
}

function innerOf(parcel) {
  const band = parcel.band ? (BANDS[parcel.band] ?? UNSCORED) : null;
  const name = parcel.item_id ? element("a", { href: `/items/${parcel.item_id}` }, parcel.owner_id) : element("span", {}, parcel.owner_id);
  return element(
    "li",
    {},
    name,
    band ? element("span", { class: `tag ${parcel.band}` }, `${band.icon} ${band.words.toLowerCase()}`) : null,
    parcel.description ? element("span", { class: "soft" }, parcel.description) : null,
  );
}

/** What could not be checked, by the reason why. */
function notAssessed(list) {
  if (!list.length) return { body: element("p", { class: "soft" }, "Every check was made."), open: false };
  const byReason = Map.groupBy ? Map.groupBy(list, (one) => one.reason) : grouped(list);
  return {
    count: `${list.length} check${list.length === 1 ? "" : "s"}`,
    body: element(
      "dl",
      { class: "unassessed-list" },
      [...byReason].map(([reason, checks]) => [element("dt", {}, capital(reason)), element("dd", { class: "soft" }, checks.map((one) => one.check).join(", "))]),
    ),
  };
}

function grouped(list) {
  const groups = new Map();
  for (const one of list) groups.set(one.reason, [...(groups.get(one.reason) ?? []), one]);
  return groups;
}

function similar(list) {
  if (!list.length) return { body: element("p", { class: "soft" }, "None was decided yet that looks like it."), open: false };
  return {
    count: String(list.length),
    body: element(
      "ul",
      { class: "inner" },
      list.map((one) =>
        element(
          "li",
          {},
          element("a", { href: `/items/${one.item_id}` }, one.owner_id),
          element("span", { class: `tag ${one.outcome === "violation" ? "inspect" : ""}` }, [DECISIONS[one.decision] ?? one.decision, OUTCOMES[one.outcome] ?? "no exam yet"].filter(Boolean).join(", ")),
          one.description ? element("span", { class: "soft" }, one.description) : null,
        ),
      ),
    ),
  };
}

function history(list) {
  return {
    open: false,
    count: list.length ? String(list.length) : "nothing yet",
    body: element("ol", { class: "history-list" }, list.map((one) => element("li", {}, element("span", { class: "soft" }, `${shortTime(one.at)}, ${one.who}: `), one.words))),
  };
}

function capital(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : text;
}

function short(version) {
  return version ? String(version).slice(0, 24) : "unknown";
}
