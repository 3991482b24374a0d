// Where the panes look, pure. One view serves all panes: `zoom` times what fits, and the centre as
// shares of each picture's own content, so that all move together whatever their sizes are.

export const FIT = Object.freeze({ zoom: 1, x: 0.5, y: 0.5 });
export const MOST_ZOOM = 40;
const STEP = 1.25;

/** The scale (screen per image pixel) and offset that place an image in a pane. */
export function placement(view, contentXyxy, pane) {
  const [x0, y0, x1, y1] = contentXyxy;
  const scale = Math.min(pane.width / (x1 - x0), pane.height / (y1 - y0)) * view.zoom;
  return {
    scale,
    left: pane.width / 2 - (x0 + view.x * (x1 - x0)) * scale,
    top: pane.height / 2 - (y0 + view.y * (y1 - y0)) * scale,
  };
}

/** `view` nearer or farther by `factor`, with the point (px, py) of the pane kept in place. */
export function zoomed(view, factor, contentXyxy, pane, point = { x: pane.width / 2, y: pane.height / 2 }) {
  const zoom = Math.min(Math.max(view.zoom * factor, 1), MOST_ZOOM);
  const before = placement(view, contentXyxy, pane);
  const scale = (before.scale * zoom) / view.zoom;
  const [x0, y0, x1, y1] = contentXyxy;
  const imageX = (point.x - before.left) / before.scale;
  const imageY = (point.y - before.top) / before.scale;
  return clamped({
    zoom,
    x: (imageX + (pane.width / 2 - point.x) / scale - x0) / (x1 - x0),
    y: (imageY + (pane.height / 2 - point.y) / scale - y0) / (y1 - y0),
  });
}

/** `view` moved by a drag of (dx, dy) screen pixels. */
export function panned(view, dx, dy, contentXyxy, pane) {
  const { scale } = placement(view, contentXyxy, pane);
  const [x0, y0, x1, y1] = contentXyxy;
  return clamped({ zoom: view.zoom, x: view.x - dx / scale / (x1 - x0), y: view.y - dy / scale / (y1 - y0) });
}

export function stepped(view, steps, contentXyxy, pane) {
  return zoomed(view, STEP ** steps, contentXyxy, pane);
}

/** The centre stays on the content, and a view of all of it stays centred. */
function clamped({ zoom, x, y }) {
  if (zoom <= 1) return FIT;
  const within = (value) => Math.min(Math.max(value, 0), 1);
  return { zoom, x: within(x), y: within(y) };
}
