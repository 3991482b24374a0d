// The clocks of the bench: time on screen, and when a break is due. Neither ever stops anybody.

/** Milliseconds that something was on a visible screen. */
export class Stopwatch {
  constructor() {
    this.restart();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.ms += performance.now() - this.since;
      else this.since = performance.now();
    });
  }

  restart() {
    this.ms = 0;
    this.since = performance.now();
  }

  read() {
    return Math.round(this.ms + (document.hidden ? 0 : performance.now() - this.since));
  }
}

const PAUSE_MS = 3 * 60_000; // without a key or a touch for so long, somebody had a break

/** Tells `onDue(minutes)` after so many minutes at the screen without a pause, and again later. */
export class BreakClock {
  /** @param alreadyMin minutes of work on end that the log knows of: loading a page is no break. */
  constructor(afterMinutes, onDue, now = () => Date.now(), alreadyMin = 0) {
    Object.assign(this, { afterMs: afterMinutes * 60_000, onDue, now });
    this.last = now();
    this.since = this.told = this.last - alreadyMin * 60_000;
    for (const kind of ["keydown", "pointerdown", "wheel"]) addEventListener(kind, () => this.touched(), { passive: true });
    setInterval(() => this.look(), 20_000);
  }

  touched() {
    const at = this.now();
    if (at - this.last > PAUSE_MS) this.since = this.told = at;
    this.last = at;
  }

  look() {
    const at = this.now();
    if (at - this.last > PAUSE_MS || at - this.told < this.afterMs) return;
    this.told = at;
    this.onDue(Math.round((at - this.since) / 60_000));
  }
}
