// What the workstation says to the server. Decisions survive a lost connection: they are kept in
// this browser and sent again with the same key, which the server counts once.

const KEPT = "parcelscope.unsent";
const AGAIN_MS = 2500;

/** The server said no, in one sentence. */
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

export async function ask(path, body) {
  const answer = await fetch(path, body === undefined ? {} : {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.status === 401) {
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, json.detail ?? `The server answered ${answer.status}.`);
  return json;
}

/** Whether `error` means that nothing was heard, rather than that the answer was no. */
export function isLost(error) {
  return !(error instanceof Refused) || [502, 503, 504].includes(error.status);
}

/** Decisions on their way. One that is not heard of waits here, in order, and is sent again. */
export class Outbox {
  /**
   * @param owner whose decisions; two people at one machine must not send each other's.
   * @param onSent(letter, answer), onRefused(letter, error), onLost(count), onBack().
   */
  constructor({ owner, ...listeners }) {
    this.name = `${KEPT}.${owner}`;
    Object.assign(this, listeners);
    this.kept = JSON.parse(localStorage.getItem(this.name) ?? "[]");
    this.sending = null;
    this.timer = null;
    addEventListener("online", () => this.flush());
  }

  /** Send in the background; {itemId, path, body}. */
  send(letter) {
    this.keep([...this.kept, letter]);
    return this.flush();
  }

  /** Take back what waits for a connection; whether there was something of `itemId`. */
  withdraw(itemId) {
    const rest = this.kept.filter((letter) => letter.itemId !== itemId);
    if (this.sending || rest.length === this.kept.length) return false;
    this.keep(rest);
    return true;
  }

  /** Send what is kept, in order; one at a time, and one caller at a time. */
  flush() {
    this.sending ??= this.sendAll().finally(() => {
      this.sending = null;
      if (this.kept.length && !this.timer) this.flush(); // came in at the very end
    });
    return this.sending;
  }

  async sendAll() {
    clearTimeout(this.timer);
    this.timer = null;
    while (this.kept.length) {
      const letter = this.kept[0];
      try {
        const answer = await ask(letter.path, letter.body);
        this.keep(this.kept.slice(1));
        this.onSent(letter, answer);
      } catch (error) {
        // Of somebody whose session ended nothing is thrown away: it goes once they are back.
        if (isLost(error) || error.status === 401) {
          this.timer = setTimeout(() => this.flush(), AGAIN_MS);
          this.onLost();
          return;
        }
        this.keep(this.kept.slice(1));
        this.onRefused(letter, error);
      }
    }
    this.onBack();
  }

  keep(letters) {
    this.kept = letters;
    if (letters.length) localStorage.setItem(this.name, JSON.stringify(letters));
    else localStorage.removeItem(this.name);
  }
}

export function newKey() {
  // randomUUID wants a secure context; a test bench on plain http in a hall is none.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
