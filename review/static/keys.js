// Every key of the workstation, once: the help page, the buttons with their key caps and the
// listener are all drawn from this table, so that none can tell of a key that another lacks.

export const HOLD_MS = 280; // held longer, a function was a peek and goes when the key is let go

export const KEYS = [
  { key: "c", name: "clear", group: "decide", label: "Clear", help: "Clear it. Against the model's advice a reason is asked for." },
  { key: "i", name: "inspect", group: "decide", label: "Inspect", help: "Send it to inspection, with a reason." },
  { key: "s", name: "second", group: "decide", label: "2nd opinion", help: "Ask for a second opinion; whoever gives it is not told what you think." },
  { key: "r", name: "release", group: "decide", label: "Release", help: "Release a master carton with all parcels in it that are still open." },
  { key: "u", name: "undo", group: "decide", label: "Undo", help: "Take the last decision back, for a short while." },
  { key: "n", name: "note", group: "decide", label: "Note", help: "Write a note that stays with it." },
  { key: "1", name: "colour", group: "picture", label: "Colour", help: "Standard colour: orange organic, green mixed, blue metal, black opaque. Every parcel starts in it.", hold: true },
  { key: "2", name: "grey", group: "picture", label: "Grey", help: "Grey, without material.", hold: true },
  { key: "3", name: "inverse", group: "picture", label: "Inverse", help: "Grey, black and white exchanged.", hold: true },
  { key: "4", name: "organic", group: "picture", label: "Organic", help: "Organic material only; the rest is faint.", hold: true },
  { key: "5", name: "metal", group: "picture", label: "Metal", help: "Organic material stripped; metal and mixed material stay.", hold: true },
  { key: "6", name: "high_penetration", group: "picture", label: "High pen.", help: "High penetration: shades for the parts that are nearly opaque.", hold: true },
  { key: "e", name: "edges", group: "picture", label: "Edges", help: "Edges enhanced, in any of these pictures.", hold: true, toggle: true },
  { key: "h", name: "marks", group: "picture", label: "Marks", help: "The model's marks, where a scan is least like compliant ones, and the zones that differ from a genuine reference. Look first.", hold: true, toggle: true },
  { key: "b", name: "boxes", group: "picture", label: "Pieces", help: "Outlines of the inner parcels counted in a master carton.", hold: true, toggle: true },
  { key: "+", also: ["="], name: "zoom_in", group: "view", label: "Zoom in", help: "Nearer, in all panes at once. The wheel or two fingers do it too." },
  { key: "-", name: "zoom_out", group: "view", label: "Zoom out", cap: "−", help: "Farther." },
  { key: "0", name: "fit", group: "view", label: "Fit", help: "All of it." },
  { key: "Tab", name: "pane", group: "view", label: "Big pane", help: "Each picture big in turn, then all again. Shift+Tab goes to the buttons." },
  { key: "f", name: "full_screen", group: "view", label: "Full screen", help: "Full screen, and back." },
  { key: "?", name: "help", group: "view", label: "Keys", help: "This help." },
];

export const GROUPS = [
  { name: "decide", words: "Decide" },
  { name: "view", words: "View" },
  { name: "picture", words: "Picture: tap stays, hold peeks" },
];

/** What the cap of a key shows. */
export function cap(entry) {
  return entry.cap ?? (entry.key.length === 1 ? entry.key.toUpperCase() : entry.key);
}

/** The entry that a key press means, or undefined. */
export function entryOf(key) {
  const plain = key.length === 1 ? key.toLowerCase() : key;
  return KEYS.find((entry) => entry.key === plain || entry.also?.includes(plain));
}

export function isTyping(target) {
  return Boolean(target?.closest?.("input, textarea, select, [contenteditable=true]"));
}

/**
 * Call `press(entry)` for each key, and what it gives back once a held key is let go.
 *
 * @param press gives a function that takes the change back, or undefined where holding means nothing.
 * @param isBusy whether something else, such as a sheet, has the keys now.
 */
export function listen(press, isBusy) {
  const held = new Map();
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target) || isBusy()) return;
    const entry = entryOf(event.key);
    if (!entry) return;
    if (entry.key === "Tab" && (event.shiftKey || onControl(event.target))) return;
    event.preventDefault();
    if (event.repeat || held.has(entry.name)) return;
    held.set(entry.name, { since: performance.now(), back: press(entry) });
  });
  const letGo = (entry) => {
    const hold = held.get(entry.name);
    held.delete(entry.name);
    if (hold?.back && performance.now() - hold.since >= HOLD_MS) hold.back();
  };
  addEventListener("keyup", (event) => {
    const entry = entryOf(event.key);
    if (entry) letGo(entry);
  });
  addEventListener("blur", () => {
    for (const name of [...held.keys()]) letGo({ name });
  });
}

/** Whether focus lies on something of its own that Tab must be able to leave. */
function onControl(target) {
  return Boolean(target?.closest?.("a, button, summary, [tabindex='0']"));
}

/** Let `button` do what its key does: a tap stays, and where holding means something it peeks. */
export function wire(button, entry, press) {
  let hold = null;
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || button.disabled || !entry.hold) return;
    hold = { since: performance.now(), back: press(entry) };
  });
  const letGo = () => {
    if (hold?.back && performance.now() - hold.since >= HOLD_MS) hold.back();
    hold = null;
  };
  button.addEventListener("pointerup", letGo);
  button.addEventListener("pointercancel", letGo);
  button.addEventListener("pointerleave", letGo);
  button.addEventListener("click", (event) => {
    // By mouse or finger the change came with pointerdown; by Enter, space or a screen reader now.
    if (!entry.hold || event.detail === 0) press(entry);
    if (event.detail !== 0) button.blur(); // so that Tab goes on turning the panes
  });
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}
