// Pictures of labels go to the server, which reads their codes: one at a time, small enough for a
// poor network, and kept by nobody.

import { Refused } from "./client.js";

const FRAME_PX = 1280;
const PHOTO_PX = 2400;
const PAUSE_MS = 300;

/** What the server makes of `blob`, as of a lookup. */
async function read(blob, thorough) {
  const answer = await fetch(`/api/frames${thorough ? "?thorough=true" : ""}`, {
    method: "POST",
    headers: { "content-type": "image/jpeg" },
    body: blob,
  });
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, json.detail ?? `The server answered ${answer.status}.`);
  return json;
}

function jpegOf(source, width, height, most) {
  const scale = Math.min(1, most / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
}

/** The codes of a photo that was taken of a label. */
export async function readPhoto(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  return read(await jpegOf(bitmap, bitmap.width, bitmap.height, PHOTO_PX), true);
}

/** A camera that looks for a label until it has found one, or is stopped. */
export class LabelCamera {
  constructor(video) {
    this.video = video;
    this.stream = null;
  }

  get isThere() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  async start() {
    this.stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 } },
    });
    this.video.srcObject = this.stream;
    await this.video.play();
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  /** What the label means, or null once stopped; `onRead(text)` of codes that mean nothing here. */
  async find(onRead) {
    const { stream } = this;
    while (this.stream && this.stream === stream) {
      const { videoWidth, videoHeight } = this.video;
      if (videoWidth) {
        const told = await read(await jpegOf(this.video, videoWidth, videoHeight, FRAME_PX), false);
        if (this.stream !== stream) return null;
        if (told.found.length) return told;
        if (told.text) onRead(told.text);
      }
      await new Promise((go) => setTimeout(go, PAUSE_MS));
    }
    return null;
  }
}
