// The buttons of the workstation and what it says in passing: the footer, messages, the banner.

import { byId, element } from "./dom.js";
import { cap, KEYS, wire } from "./keys.js";

const SAID_MS = 6000;

/** A button for every key, in the places the page has for them. */
export function drawButtons(press) {
  const buttons = new Map();
  for (const entry of KEYS) {
    const button = element(
      "button",
      { type: "button", class: `key key-${entry.name}`, title: entry.help, "aria-pressed": entry.group === "picture" ? "false" : null },
      element("span", { class: "label" }, entry.label),
      element("kbd", { "aria-hidden": "true" }, cap(entry)),
    );
    wire(button, entry, press);
    byId(`keys-${entry.group}`).append(button);
    buttons.set(entry.name, button);
  }
  return buttons;
}

/**
 * Show on the buttons which function is on, and which mean nothing for this parcel.
 *
 * @param refused sentences by name: such a button can be pressed, and says why it does nothing.
 */
export function drawPressed(buttons, state, possible, refused) {
  for (const name of ["colour", "grey", "inverse", "organic", "metal", "high_penetration"]) {
    buttons.get(name).setAttribute("aria-pressed", String(state.name === name));
  }
  for (const name of ["edges", "marks", "boxes"]) buttons.get(name).setAttribute("aria-pressed", String(state[name]));
  for (const [name, can] of Object.entries(possible)) buttons.get(name).disabled = !can;
  for (const [name, sentence] of Object.entries(refused)) {
    const button = buttons.get(name);
    button.setAttribute("aria-disabled", String(Boolean(sentence)));
    button.title = sentence ? `${sentence}.` : KEYS.find((entry) => entry.name === name).help;
  }
  buttons.get("release").hidden = !possible.release; // means nothing for a parcel
}

let hush = null;

/** Say something in passing, with at most one thing to press. */
export function say(words, { button = null, forMs = SAID_MS } = {}) {
  const place = byId("said");
  place.replaceChildren(element("span", {}, words), button ?? "");
  place.hidden = false;
  clearTimeout(hush);
  hush = setTimeout(() => {
    place.hidden = true;
  }, forMs);
}

/** The banner of a lost connection; `count` decisions wait. Null when it is back. */
export function drawConnection(count) {
  const banner = byId("connection");
  banner.hidden = count === null;
  if (count === null) return;
  const kept = count ? ` ${count} decision${count === 1 ? " is" : "s are"} kept here and sent again.` : "";
  banner.textContent = `⚠ Connection lost. You can go on.${kept}`;
}

export function drawBreak(minutes) {
  const place = byId("rest");
  const away = element("button", { type: "button", class: "quiet", on: { click: () => { place.hidden = true; } } }, "Later");
  place.replaceChildren(element("span", {}, `${minutes} minutes without a break. A short one keeps the eye sharp.`), away);
  place.hidden = false;
}
