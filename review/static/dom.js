// Elements in one line. Text is always text: what comes from manifests never becomes markup.

/** A new element with attributes (null and false leave one out) and children. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [kind, listener] of Object.entries(value)) made.addEventListener(kind, listener);
    } else if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : value);
    }
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Time as people at the bench read it, in their own zone. */
export function shortTime(text) {
  const at = new Date(text);
  if (!text || Number.isNaN(at.getTime())) return text ?? "";
  return at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
