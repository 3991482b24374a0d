// What is asked before something is done to a parcel. Each gives {code, note}, or null if put away.

import { nameOf } from "./panel.js";

const LEANINGS = [
  { key: "1", code: "clear", words: "I would clear it" },
  { key: "2", code: "inspect", words: "I would inspect it" },
  { key: "3", code: null, words: "I cannot say" },
];

/** Why it is cleared against the model's advice, or inspected. */
export function askWhy(sheet, settings, decision, hasMarks) {
  const isClear = decision === "clear";
  const shown = hasMarks ? "What the model marked is shown on the pictures." : "The model marked no place; its reasons stand below.";
  return sheet.ask({
    title: isClear ? "Clear it against the model's advice: why?" : "Inspect it: why?",
    explanation: isClear ? shown : null,
    choices: settings.reason_codes[decision].map((one) => ({ ...one, needsNote: one.code === settings.note_needed })),
    send: isClear ? "Clear" : "Inspect",
  });
}

/** What whoever wants a second opinion would do themselves. */
export function askLeaning(sheet) {
  return sheet.ask({
    title: "Ask for a second opinion",
    explanation: "Whoever gives it is not told what you think.",
    choices: LEANINGS,
  });
}

/** Why a whole carton is released. */
export function askRelease(sheet, item) {
  const count = item.carton.parcels.length + (item.carton.more ?? 0);
  return sheet.ask({
    title: `Release ${nameOf(item)} with its ${count} parcel${count === 1 ? "" : "s"}: why?`,
    explanation: "Parcels in it that somebody looks at, or has decided on, stay as they are.",
    send: "Release",
  });
}

export function askNote(sheet, item) {
  return sheet.ask({ title: `Note on ${nameOf(item)}` });
}
