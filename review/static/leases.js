// The parcels that this page holds: the one on screen, those fetched ahead, and their leases.

import { ask, isLost } from "./client.js";

const RENEW_MS = 30_000; // a lease lasts three of these

export class Leases {
  constructor({ filters, onFetched, onLost, onHeard, onTaken }) {
    Object.assign(this, { filters, onFetched, onLost, onHeard, onTaken });
    this.current = null;
    this.ahead = [];
    this.settled = new Set(); // decided here; until the server hears of it, it still gives them out
    setInterval(() => this.renew(), RENEW_MS);
    addEventListener("pagehide", () => this.putBack());
  }

  get ids() {
    return [this.current, ...this.ahead].filter(Boolean).map((item) => item.item_id);
  }

  /** Take what is next; what is on screen stays there. False where nothing was heard. */
  async take() {
    try {
      const { items } = await ask("/api/queue/take", { filters: this.filters });
      this.onHeard();
      for (const item of items) this.add(item);
      return true;
    } catch (error) {
      if (!isLost(error)) throw error;
      this.onLost();
      return false;
    }
  }

  add(item) {
    if (!item || this.settled.has(item.item_id)) return;
    const here = [this.current, ...this.ahead].find((one) => one?.item_id === item.item_id);
    if (here) {
      here.lease = item.lease; // it was lent anew
      return;
    }
    this.ahead.push(item);
    this.onFetched(item);
  }

  /** The current parcel was decided. */
  settle() {
    this.settled.add(this.current.item_id);
  }

  /** The next parcel, now the current one; null if there is none at hand. */
  next() {
    this.current = this.ahead.shift() ?? null;
    return this.current;
  }

  /** Bring `item` to the screen, with what was there next in line. */
  putFirst(item) {
    this.settled.delete(item.item_id);
    this.ahead = [this.current, ...this.ahead].filter((one) => one && one.item_id !== item.item_id);
    this.current = item;
  }

  async renew() {
    const asked = this.ids;
    if (!asked.length) return;
    try {
      const { held } = await ask("/api/queue/renew", { item_ids: asked });
      this.onHeard();
      const lost = asked.filter((id) => !held.includes(id) && this.ids.includes(id));
      this.ahead = this.ahead.filter((item) => !lost.includes(item.item_id));
      if (lost.includes(this.current?.item_id)) this.onTaken(this.current);
    } catch (error) {
      if (isLost(error)) this.onLost();
    }
  }

  putBack() {
    if (!this.ids.length) return;
    // By the numbers of our leases: a page that comes after this one may have new ones of the same.
    const leases = Object.fromEntries([this.current, ...this.ahead].filter(Boolean).map((item) => [item.item_id, item.lease]));
    const body = new Blob([JSON.stringify({ leases })], { type: "application/json" });
    navigator.sendBeacon("/api/queue/release", body);
  }
}

/** The part of the queue that the address of the page names. */
export function filtersOf(search) {
  const known = ["facility", "lane", "band", "kind", "state", "reason_code", "text"];
  return Object.fromEntries([...new URLSearchParams(search)].filter(([name, value]) => known.includes(name) && value));
}
