// The analyst's bench: take a parcel, look at it, decide, and find the next one already there.

import { drawBreak, drawButtons, drawConnection, drawPressed, say } from "./bars.js";
import { ask, isLost, newKey, Outbox } from "./client.js";
import { byId, element } from "./dom.js";
import { Images } from "./images.js";
import { isTyping, listen } from "./keys.js";
import { filtersOf, Leases } from "./leases.js";
import { nameOf, panelOf } from "./panel.js";
import { askLeaning, askNote, askRelease, askWhy } from "./questions.js";
import { Sheet } from "./sheet.js";
import { panesOf, Viewer } from "./viewer.js";
import { BreakClock, Stopwatch } from "./watch.js";

const DONE = { clear: "cleared", inspect: "sent to inspection", second: "left for a second opinion" };
const WAITING = "Nothing waits for you.";
const LOOK_AGAIN_MS = 15_000; // how often an empty queue is asked for more

class Workstation {
  constructor(settings, only) {
    this.settings = settings;
    this.only = only; // a parcel to be looked at without deciding, or null
    this.last = null; // what was decided last: {item, words, until}
    this.images = new Images();
    this.viewer = new Viewer(this.images, (name) => this.use(name));
    this.sheet = new Sheet();
    this.watch = new Stopwatch();
    this.outbox = new Outbox({
      owner: settings.person.name,
      onSent: (letter, answer) => this.sent(letter, answer),
      onRefused: (letter, error) => this.refused(letter, error),
      onLost: () => this.connected(false),
      onBack: () => this.connected(true),
    });
    this.leases = new Leases({
      filters: filtersOf(location.search),
      onFetched: (item) => this.images.load(item),
      onTaken: (item) => this.taken(item),
      onLost: () => this.connected(false),
      onHeard: () => this.connected(true),
    });
    this.buttons = drawButtons((entry) => this.press(entry));
    listen((entry) => this.press(entry), () => this.sheet.isOpen);
    byId("panes").addEventListener("state", () => this.drawButtons());
    new BreakClock(settings.break_after_min, drawBreak, undefined, settings.on_end_min);
    setInterval(() => this.lookAgain(), LOOK_AGAIN_MS);
  }

  get item() {
    return this.leases.current;
  }

  get mayDecide() {
    return !this.only && this.settings.person.may.includes("decide");
  }

  async start() {
    await this.images.ready;
    if (this.only) return this.show(await ask(`/api/items/${this.only}`));
    if (!this.mayDecide) return this.empty("You may look, not decide. Choose a parcel from the queue.");
    await this.outbox.flush();
    return this.lookAgain();
  }

  // ---- what is on the screen

  async advance() {
    const item = this.leases.next();
    this.images.keep(this.leases.ids.concat(this.last?.item.item_id ?? []));
    if (item) return this.show(item);
    this.empty(WAITING);
    return this.lookAgain();
  }

  /** Take more while nothing is on the screen; whoever asks meanwhile is served by the same. */
  async lookAgain() {
    if (this.only || !this.mayDecide || this.item || this.isTaking) return;
    this.isTaking = true;
    try {
      await this.leases.take();
    } catch (error) {
      return void this.empty(error.message);
    } finally {
      this.isTaking = false;
    }
    if (this.item) return;
    if (this.leases.ahead.length) this.advance();
    else this.empty(WAITING);
  }

  async show(item) {
    this.shown = item;
    this.sheet.close(null);
    this.used = [];
    this.marksShown = this.settings.presentation === "marks_first";
    byId("empty").hidden = true;
    byId("bench").hidden = false;
    byId("panel").replaceChildren(...panelOf(item));
    byId("column").scrollTop = 0;
    document.title = `${nameOf(item)} · parcelscope`;
    this.viewer.show([], { marks: this.marksShown });
    this.watch.restart();
    const loading = this.images.load(item);
    const settled = loading.map(() => null);
    loading.forEach((one, index) => one.then((picture) => { settled[index] = picture; }));
    // A slow photo must not hold back the scan: what is there after a moment is shown already.
    await Promise.race([Promise.all(loading), after(350).then(() => loading[0])]);
    if (this.shown !== item) return;
    this.draw(item, settled);
    this.watch.restart();
    if (settled.includes(null)) {
      await Promise.all(loading);
      if (this.shown === item) this.draw(item, settled, true);
    }
  }

  draw(item, settled, isAgain = false) {
    this.viewer.show(panesOf(item, settled.filter(Boolean)), { marks: this.marksShown, keeps: isAgain });
    byId("bench").dataset.shown = item.item_id;
  }

  empty(words) {
    this.shown = null;
    byId("bench").hidden = true;
    delete byId("bench").dataset.shown;
    byId("empty").hidden = false;
    byId("empty-words").textContent = words;
    document.title = "Review · parcelscope";
    this.drawButtons();
  }

  drawButtons() {
    const { has, state } = this.viewer;
    const decides = this.mayDecide && Boolean(this.item);
    drawPressed(this.buttons, state, {
      marks: has.marks,
      boxes: has.boxes,
      clear: decides,
      inspect: decides,
      second: decides,
      note: Boolean(this.shown) && this.settings.person.may.includes("decide"),
      release: decides && this.item.owner_kind === "carton" && this.settings.person.may.includes("supervise"),
      undo: this.mayDecide && Boolean(this.last) && Date.now() < this.last.until,
    }, { second: this.item?.no_second });
  }

  // ---- keys

  press(entry) {
    if (this.buttons.get(entry.name).disabled) return undefined;
    const { viewer } = this;
    if (entry.toggle) {
      this.use(entry.name);
      const isOn = !viewer.state[entry.name];
      if (entry.name === "marks" && isOn) this.marksShown = true;
      return viewer.set({ [entry.name]: isOn });
    }
    if (entry.group === "picture") {
      if (entry.name !== viewer.state.name) this.use(entry.name);
      return viewer.set({ name: entry.name });
    }
    const acts = {
      clear: () => this.decide("clear"),
      inspect: () => this.decide("inspect"),
      second: () => this.askSecond(),
      release: () => this.releaseCarton(),
      undo: () => this.undo(),
      note: () => this.note(),
      zoom_in: () => viewer.zoom(1),
      zoom_out: () => viewer.zoom(-1),
      fit: () => viewer.fit(),
      pane: () => viewer.cycle(),
      full_screen: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()),
      help: () => byId("help").showModal(),
    };
    acts[entry.name]();
    return undefined;
  }

  use(name) {
    if (this.shown && !this.used.includes(name)) this.used.push(name);
  }

  // ---- decisions

  async decide(decision) {
    const { item, settings } = this;
    const isAgainst = decision === "clear" && settings.clear_needs_reason.includes(item.band);
    if (decision === "clear" && item.band === "inspect") this.flashMarks();
    let answer = { code: null, note: "" };
    if (decision === "inspect" || isAgainst) {
      answer = await askWhy(this.sheet, settings, decision, this.viewer.has.marks);
    }
    if (!answer || this.item !== item) return;
    this.settle(decision, `/api/items/${item.item_id}/decide`, {
      decision,
      reason_code: answer.code,
      note: answer.note,
      ms_on_screen: this.watch.read(),
      functions_used: this.used,
      marks_shown: this.marksShown,
      presentation: settings.presentation,
      key: newKey(),
      filters: this.leases.filters,
    });
  }

  async askSecond() {
    const { item } = this;
    if (item.no_second) return say(`Not asked: ${item.no_second}.`);
    const answer = await askLeaning(this.sheet);
    if (!answer || this.item !== item) return;
    const body = { reason_code: null, leans_to: answer.code, note: answer.note, key: newKey(), filters: this.leases.filters };
    return this.settle("second", `/api/items/${item.item_id}/second`, body);
  }

  async releaseCarton() {
    const { item } = this;
    const answer = await askRelease(this.sheet, item);
    if (!answer || this.item !== item) return;
    this.settle("release", `/api/items/${item.item_id}/release-carton`, { reason: answer.note, key: newKey() });
  }

  /** Send what was decided, and go on without waiting for the answer. */
  settle(kind, path, body) {
    const { item } = this;
    const words = `${nameOf(item)} ${DONE[kind] ?? "released"}.`;
    this.last = { item, words, until: Date.now() + this.settings.undo_s * 1000 };
    const undo = element("button", { type: "button", on: { click: () => this.undo() } }, "Undo", element("kbd", {}, "U"));
    say(words, { button: this.settings.undo_s ? undo : null, forMs: Math.max(this.settings.undo_s * 1000, 3000) });
    setTimeout(() => this.drawButtons(), this.settings.undo_s * 1000 + 50);
    this.leases.settle();
    this.outbox.send({ itemId: item.item_id, path, body, words });
    this.advance();
  }

  async undo() {
    const { last } = this;
    if (!last) return;
    this.last = null;
    try {
      await this.outbox.flush(); // heard of, or sure to wait for a connection
      if (!this.outbox.withdraw(last.item.item_id)) last.item = (await ask("/api/undo", {})).item;
      this.leases.putFirst(last.item);
      say(`${nameOf(last.item)} is back.`);
      this.show(last.item);
    } catch (error) {
      say(isLost(error) ? "Without a connection this cannot be taken back." : error.message);
    }
    this.drawButtons();
  }

  async note() {
    const item = this.shown;
    const answer = await askNote(this.sheet, item);
    if (!answer) return;
    const body = { note: answer.note, key: newKey() };
    this.outbox.send({ itemId: item.item_id, path: `/api/items/${item.item_id}/note`, body, words: "Noted." });
    say("Noted.");
  }

  /** Before a clear against advice, what the model marked is seen at least once. */
  flashMarks() {
    if (this.marksShown || !this.viewer.has.marks) return;
    this.marksShown = true;
    this.use("marks_flashed");
    this.viewer.set({ marks: true });
    byId("panes").classList.add("flash");
    setTimeout(() => byId("panes").classList.remove("flash"), 1500);
  }

  // ---- what the server says

  sent(letter, answer) {
    this.leases.settled.delete(letter.itemId); // from now on the server gives it out for a reason
    if (answer.next) {
      this.leases.add(answer.next);
      if (!this.item) this.advance();
    }
    if (answer.released) {
      say(`${letter.words} ${answer.released.length} released in all${answer.left.length ? `, ${answer.left.length} left with others` : ""}.`);
      this.dropReleased(answer.released);
    }
  }

  dropReleased(ids) {
    this.leases.ahead = this.leases.ahead.filter((item) => !ids.includes(item.item_id));
    if (ids.includes(this.item?.item_id)) this.advance();
  }

  refused(letter, error) {
    this.last = null;
    this.leases.settled.delete(letter.itemId); // it may come to this person once more
    say(`Not done: ${error.message}`, { forMs: 12_000 });
    this.drawButtons();
  }

  taken(item) {
    say(`${nameOf(item)} went to somebody else in the meantime.`, { forMs: 12_000 });
    this.leases.current = null;
    this.advance();
  }

  connected(isIt) {
    drawConnection(isIt && !this.outbox.kept.length ? null : this.outbox.kept.length);
    if (isIt && !this.item && !this.only) this.lookAgain();
  }
}

function after(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

// A page that the browser kept while somebody was elsewhere holds parcels that it has put back.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

const bench = byId("bench");
byId("help").addEventListener("keydown", (event) => {
  if (event.key === "?" && !isTyping(event.target)) byId("help").close();
});
ask("/api/settings")
  .then((settings) => new Workstation(settings, bench.dataset.only || null).start())
  .catch((error) => {
    byId("empty").hidden = false;
    bench.hidden = true;
    byId("empty-words").textContent = isLost(error) ? "The server does not answer. Reload to try again." : error.message;
  });
