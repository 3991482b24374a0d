// Draws the help from the table of keys, on its page and in the workstation's dialog.

import { byId, element } from "./dom.js";
import { cap, GROUPS, KEYS } from "./keys.js";

byId("help-keys").replaceChildren(
  ...GROUPS.map((group) =>
    element(
      "section",
      {},
      element("h2", {}, group.words),
      element(
        "dl",
        { class: "keys" },
        KEYS.filter((entry) => entry.group === group.name).map((entry) => [
          element("dt", {}, element("kbd", {}, cap(entry)), " ", entry.label),
          element("dd", {}, entry.help),
        ]),
      ),
    ),
  ),
);
