// The officer's phone: find the parcel, see it, log what the exam found in three taps. What is
// logged goes through the outbox, so that it survives a lost connection and counts once.

import { Outbox, Refused, ask, newKey } from "./client.js";
import { byId, element } from "./dom.js";
import { LabelCamera, readPhoto } from "./label_camera.js";
import { asParcel } from "./officer_parcel.js";

const exam = byId("exam");
const kinds = JSON.parse(exam.dataset.kinds);
const camera = new LabelCamera(byId("video"));
const OUTCOMES = [
  { outcome: "no_violation", words: "Found nothing", done: "nothing was found" },
  { outcome: "violation", words: "Violation", done: "violation" },
  { outcome: "not_examined", words: "Not examined", done: "not examined" },
];
const THEN = [
  { code: "release", words: "Release it" },
  { code: "keep", words: "Keep it, something else is waited for" },
];
const SECTIONS = ["start", "camera", "parcel", "steps", "done"];
let chosen = null; // {item_id or null, number, words, startedAt}
let refused = [];

function show(...names) {
  for (const name of SECTIONS) byId(name).hidden = !names.includes(name);
  if (!names.includes("camera")) camera.stop();
  window.scrollTo(0, 0);
}

function say(sentence) {
  const problem = byId("problem");
  problem.hidden = !sentence;
  problem.textContent = sentence ?? "";
}

function lost(is) {
  byId("lost").hidden = !is;
}

// Finding the parcel.

function toStart(sentence = null) {
  chosen = null;
  byId("several").replaceChildren();
  show("start");
  say(sentence);
  listWaiting();
}

/** What was sent to exam and has no outcome yet; without a connection the list stays as it was. */
async function listWaiting() {
  const told = await ask("/api/exams").catch(() => null);
  if (!told) return;
  const box = byId("waiting");
  box.hidden = !told.total;
  box.replaceChildren(
    element("h2", {}, told.total === 1 ? "1 waits for an exam" : `${told.total} wait for an exam`),
    element("ul", {}, told.waiting.map((one) => element("li", {}, element("button", { on: { click: () => lookUp(one.reference) } },
      element("span", {}, one.words, element("br"), element("span", { class: "soft small" }, one.description)),
      element("span", { class: "soft small" }, one.facility))))),
  );
}

async function lookUp(text) {
  const number = text.trim();
  if (!number) return say("Type a number first.");
  say(null);
  try {
    open(await ask(`/api/lookup?text=${encodeURIComponent(number)}`), number);
    lost(false);
  } catch (error) {
    if (error instanceof Refused) return say(error.message);
    lost(true);
    unseen(number);
  }
}

/** Without a connection nothing can be looked up, but the exam can be logged by the number. */
function unseen(number) {
  choose({ item_id: null, number, words: number });
  byId("parcel").replaceChildren(
    element("h2", { class: "mono" }, number),
    element("p", { class: "notice" }, "It cannot be looked up without a connection. Log what you found: the number is looked up when the connection returns."),
  );
  outcomes();
}

function open(told, number) {
  if (!told.found.length) return toStart(sentence(told.problem ?? `No code on it can be read`));
  if (told.found.length > 1) return several(told, number);
  const [brief] = told.found;
  choose({ item_id: brief.item_id, number: brief.reference, words: brief.words });
  byId("parcel").replaceChildren(...asParcel(told.item, brief));
  return outcomes();
}

function several(told, number) {
  toStart();
  byId("waiting").hidden = true;
  byId("several").replaceChildren(
    element("h2", {}, `${number} stands on ${told.found.length}: which one?`),
    ...told.found.map((brief) =>
      element("button", { class: "huge choice", on: { click: () => lookUp(brief.reference) } }, element("span", {}, brief.words), element("span", { class: "soft small" }, brief.state))),
  );
}

function choose(parcel) {
  chosen = { ...parcel, startedAt: new Date().toISOString() };
}

function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

async function scan() {
  if (!camera.isThere) return say("The camera needs a secure connection (https). Type the number, or take a photo.");
  say(null);
  show("camera");
  const seen = byId("seen");
  seen.textContent = "Hold the label into the frame.";
  try {
    await camera.start();
    const told = await camera.find((text) => { seen.textContent = `Read ${text}, which no case here is known by.`; });
    if (!told) return null;
    lost(false);
    navigator.vibrate?.(60);
    return open(told, told.text);
  } catch (error) {
    if (error instanceof Refused) return toStart(error.message);
    if (error instanceof DOMException) return toStart("The camera is not to be had. Type the number, or take a photo.");
    lost(true);
    return toStart("A label is read by the server. Without a connection, type its number.");
  }
}

async function photographed(file) {
  if (!file) return;
  say("Reading the label…");
  try {
    open(await readPhoto(file), "The label");
  } catch (error) {
    if (error instanceof Refused || error instanceof DOMException) return say(error instanceof Refused ? error.message : "This is no picture.");
    lost(true);
    say("A label is read by the server. Without a connection, type its number.");
  }
}

// Logging the outcome: which, of what kind, yes.

function outcomes() {
  steps("What did the exam find?", OUTCOMES.map((one) => ({ words: one.words, name: one.outcome, go: () => details(one) })), toStart);
  byId("steps").classList.add("first");
  show("parcel", "steps");
}

function details(one) {
  const of = { violation: kinds.violation, not_examined: kinds.not_examined, no_violation: THEN }[one.outcome];
  steps(one.words, of.map((kind) => ({ words: kind.words, name: kind.code, go: () => confirm(one, kind) })), outcomes);
  show("steps");
}

function confirm(one, kind) {
  const words = `${one.done}: ${kind.words.charAt(0).toLowerCase()}${kind.words.slice(1)}`;
  const note = element("textarea", { id: "note", maxlength: "4000", rows: "2" });
  steps(sentence(`${chosen.words}, ${words}`), [{ words: "Log it", name: "log", main: true, go: () => log(one, kind, words, note.value) }], () => details(one),
    element("label", { for: "note" }, kind.code === "other" ? "What it is" : "Note, if there is something to say"), note);
  show("steps");
}

function steps(title, choices, back, ...extra) {
  byId("steps").classList.remove("first");
  byId("steps").replaceChildren(
    element("h2", {}, title),
    ...extra,
    ...choices.map((choice) => element("button", { class: choice.main ? "huge main" : "huge", "data-choice": choice.name, on: { click: choice.go } }, choice.words)),
    element("button", { class: "quiet back", on: { click: () => back() } }, "Back"),
  );
}

function log(one, kind, words, note) {
  const ends = one.outcome === "no_violation";
  const body = {
    item_id: chosen.item_id,
    number: chosen.number,
    outcome: one.outcome,
    kind: ends ? "" : kind.code,
    then: ends ? kind.code : "keep",
    note,
    started_at: chosen.startedAt,
    ended_at: new Date().toISOString(),
    key: newKey(),
  };
  const letter = { itemId: chosen.item_id ?? chosen.number, path: "/api/exams", body, words: `${chosen.words}, ${words}` };
  toStart();
  byId("number").value = "";
  outbox.send(letter);
  draw();
}

// What is on its way.

const outbox = new Outbox({
  owner: `${exam.dataset.owner}.exam`,
  onSent: (letter, answer) => {
    lost(false);
    done(`Logged: ${letter.words}. ${sentence(`${answer.words} is ${answer.state}`)}`);
    draw();
  },
  onRefused: (letter, error) => {
    refused = [...refused, { letter, sentence: error.message }];
    draw();
  },
  onLost: () => {
    lost(true);
    draw();
  },
  onBack: () => {
    lost(false);
    draw();
  },
});

function done(words) {
  const line = byId("done");
  line.textContent = words;
  line.hidden = false;
}

function draw() {
  const waiting = outbox.kept;
  const box = byId("outbox");
  box.hidden = !waiting.length && !refused.length;
  if (waiting.length) byId("done").hidden = true;
  box.replaceChildren(
    waiting.length ? element("p", {}, element("b", {}, waiting.length === 1 ? "1 outcome waits for a connection" : `${waiting.length} outcomes wait for a connection`)) : "",
    element("ul", {}, waiting.map((letter) => element("li", {}, letter.words))),
    ...refused.map((one) => element("div", { class: "problem" },
      element("p", {}, `Not logged: ${one.letter.words}. ${sentence(one.sentence)}`),
      element("button", { on: { click: () => { forget(one); lookUp(String(one.letter.body.number)); } } }, "Look it up"),
      element("button", { class: "quiet", on: { click: () => forget(one) } }, "Discard"))),
  );
}

function forget(one) {
  refused = refused.filter((other) => other !== one);
  draw();
}

byId("scan").addEventListener("click", scan);
byId("stop").addEventListener("click", () => toStart());
byId("typed").addEventListener("submit", (event) => {
  event.preventDefault();
  lookUp(byId("number").value);
});
byId("photo").addEventListener("change", (event) => {
  photographed(event.target.files[0]);
  event.target.value = "";
});
addEventListener("offline", () => lost(true));
addEventListener("online", () => lost(false));
addEventListener("pagehide", () => camera.stop());

/** Let this page come again without a connection; the worker keeps it from the second time on. */
async function keepPage() {
  if (!navigator.serviceWorker) return; // neither https nor this very machine
  const isKept = Boolean(navigator.serviceWorker.controller);
  await navigator.serviceWorker.register("/officer-worker.js", { scope: "/officer" });
  if (isKept) return;
  const parts = performance.getEntriesByType("resource").map((one) => new URL(one.name).pathname);
  (await navigator.serviceWorker.ready).active.postMessage({ parts });
}

keepPage().catch(() => {});
toStart();
lost(!navigator.onLine);
draw();
outbox.flush();
const asked = new URLSearchParams(location.search).get("number");
if (asked) {
  byId("number").value = asked;
  lookUp(asked);
}
