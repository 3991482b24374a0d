// Keeps the officer's page for when the connection is gone: phones drop a page that is not looked
// at, and load it again. Answers with what the server says while it says something; never keeps
// what is said of a parcel.

const SHELF = "parcelscope-exam";
const PAGE = "/officer";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const isPage = request.mode === "navigate" && url.pathname === PAGE;
  const isPart = url.pathname.startsWith("/static/");
  if (request.method !== "GET" || url.origin !== self.location.origin || !(isPage || isPart)) return;
  event.respondWith(fresh(request, isPage ? PAGE : url.pathname));
});

// What the page had loaded before this worker was there.
self.addEventListener("message", (event) => {
  const parts = event.data.parts.filter((part) => part.startsWith("/static/"));
  event.waitUntil(caches.open(SHELF).then((shelf) => shelf.addAll([PAGE, ...parts])));
});

async function fresh(request, name) {
  const shelf = await caches.open(SHELF);
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) await shelf.put(name, answer.clone());
    // Sent to sign in: whoever comes next shall not find whose page this was.
    else if (name === PAGE) await caches.delete(SHELF);
    return answer;
  } catch (error) {
    const kept = await shelf.match(name);
    if (!kept) throw error;
    return kept;
  }
}
