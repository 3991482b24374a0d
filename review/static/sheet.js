// The small sheet that asks why: answers by the keys 1 to 9, a note, Escape to go back.
// It stands beside the pictures and covers none of them.

import { byId, element } from "./dom.js";

export class Sheet {
  constructor() {
    this.place = byId("sheet");
    this.answer = null;
    addEventListener("keydown", (event) => this.key(event), true);
  }

  get isOpen() {
    return this.answer !== null;
  }

  /**
   * Ask; gives {code, note} once answered, or null when put away.
   *
   * @param title what is asked.
   * @param choices [{key, code, words, needsNote}]; none asks for the note alone.
   * @param explanation a sentence below the title, or null.
   */
  ask({ title, choices = [], explanation = null, send = "Save" }) {
    this.close(null);
    return new Promise((resolve) => {
      this.answer = resolve;
      this.choices = choices;
      this.chosen = null;
      this.note = element("textarea", { id: "sheet-note", rows: "3", maxlength: "4000" });
      this.needed = element("p", { class: "soft", role: "status" });
      this.place.replaceChildren(
        element("h2", { id: "sheet-title" }, title),
        explanation ? element("p", { class: "soft" }, explanation) : "",
        element("ol", { class: "choices" }, choices.map((choice) => element("li", {}, this.button(choice)))),
        element("label", { for: "sheet-note" }, choices.length ? "Note (if there is more to say)" : "Note"),
        this.note,
        this.needed,
        element("div", { class: "row" },
          element("button", { type: "button", class: "main", on: { click: () => this.submit() } }, send, element("kbd", {}, "Ctrl+Enter")),
          element("button", { type: "button", on: { click: () => this.close(null) } }, "Back", element("kbd", {}, "Esc")),
        ),
      );
      this.place.querySelector(".main").hidden = choices.length > 0;
      this.place.hidden = false;
      this.place.scrollIntoView({ block: "nearest" });
      (choices.length ? this.place.querySelector("button") : this.note).focus();
    });
  }

  button(choice) {
    return element("button", { type: "button", on: { click: () => this.choose(choice) } }, element("kbd", {}, choice.key), choice.words);
  }

  choose(choice) {
    this.chosen = choice;
    if (!choice.needsNote || this.note.value.trim()) return this.submit();
    this.place.querySelector(".main").hidden = false;
    this.needed.textContent = `“${choice.words}” needs a note.`;
    this.note.focus();
  }

  submit() {
    const note = this.note.value.trim();
    if ((this.choices.length && !this.chosen) || ((this.chosen?.needsNote || !this.choices.length) && !note)) {
      this.needed.textContent = "A note is needed here.";
      this.note.focus();
      return;
    }
    this.close({ code: this.chosen?.code ?? null, note });
  }

  close(result) {
    const { answer } = this;
    this.answer = null;
    this.place.hidden = true;
    this.place.replaceChildren();
    answer?.(result);
  }

  key(event) {
    if (!this.isOpen) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.close(null);
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.submit();
    } else if (event.target !== this.note && !event.ctrlKey && !event.altKey && !event.metaKey) {
      const choice = this.choices.find((one) => one.key === event.key);
      if (choice) {
        event.preventDefault();
        this.choose(choice);
      }
    }
  }
}
