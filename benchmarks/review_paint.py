"""How long an analyst waits: key to painted picture, decision to painted next parcel.

    python benchmarks/review_paint.py                # makes a run of generated parcels first
    python benchmarks/review_paint.py --run RUN      # on a run at hand, with its bundle

Starts `parcelscope review` and Debian's Chromium without a GPU, and looks at the run twice: over
loopback, and with 30 ms added to every request. Each picture key is pressed on each parcel; then
it is sent to inspection and the next one comes. Waits are read inside the page: from the time stamp
of the key's event to the frame after the change. Between two decisions there are 1.5 s, half of
what the fastest analyst takes.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from parcelscope.pipelines.demo import demo

KEYS = ("2", "3", "4", "5", "6", "e", "1")
LOOK_MS = 1500
ROUND_TRIP_MS = 30
RECORD = """
  window.waits = [];
  addEventListener('keydown', (event) => {
    const bench = document.getElementById('bench');
    const was = bench.dataset.shown;
    const start = event.timeStamp;
    const note = (what) => window.waits.push([what, performance.now() - start]);
    const painted = (what) => requestAnimationFrame(() => setTimeout(() => note(what)));
    const isAsking = !document.getElementById('sheet').hidden;
    if (/^[1-6e]$/.test(event.key) && !isAsking) return painted('key');
    if (event.key !== '1') return;
    const watch = new MutationObserver(() => {
      if (!bench.dataset.shown || bench.dataset.shown === was) return;
      watch.disconnect();
      painted('next');
    });
    watch.observe(bench, { attributes: true });
  }, true);
"""
"""Runs before the page's own scripts, so that it sees a key before they do."""


@contextmanager
def review(run: Path, bundle: Path, folder: Path) -> Iterator[str]:
    """The address of an application on `run`, with a new database."""
    start = "from parcelscope.pipelines.cli import main; main()"
    command = [sys.executable, "-u", "-c", start, "review", str(run)]
    command += ["--bundle", str(bundle), "--database", str(folder / "review.sqlite"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            for line in server.stdout:
                found = re.search(r"http://\S+", line)
                if found:
                    yield found[0]
                    break
        finally:
            server.terminate()


def look(page: Page, url: str, *, most: int) -> dict[str, list[float]]:
    """Milliseconds that each key and each decision took, over at most `most` parcels."""
    page.add_init_script(RECORD)
    page.goto(url)
    page.wait_for_selector("#bench[data-shown]")
    page.wait_for_timeout(4000)  # tables fill while the page idles
    page.evaluate("window.waits = []")
    for _ in range(most):
        for key in KEYS:
            page.keyboard.press(key)
            page.wait_for_timeout(120)
        page.wait_for_timeout(LOOK_MS)
        page.keyboard.press("i")
        page.keyboard.press("1")
        page.wait_for_timeout(700)
        if page.locator("#empty").is_visible():
            break
    waits: dict[str, list[float]] = {"key": [], "next": []}
    for what, ms in page.evaluate("window.waits"):
        waits[what].append(ms)
    return waits


def told(name: str, waits: dict[str, list[float]]) -> str:
    """One line of a Markdown table."""
    cells = []
    for what in ("key", "next"):
        ms = sorted(waits[what])
        middle, late = statistics.median(ms), ms[int(0.95 * (len(ms) - 1))]
        cells.append(f"{middle:.0f} ms ({late:.0f}), n = {len(ms)}")
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", type=Path, help="run folder; a demo is made if left out")
    parser.add_argument("--bundle", type=Path, help="bundle of the run [its folder's ../bundle]")
    parser.add_argument("--parcels", type=int, default=12, help="parcels looked at each time [12]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        run = options.run
        if run is None:
            demo(folder / "demo")
            run = folder / "demo" / "run"
        bundle = options.bundle or run.parent / "bundle"
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        print("| connection | key to paint, median (p95) | decision to next parcel, median (p95) |")
        print("|---|---|---|")
        for number, added_ms in enumerate((0, ROUND_TRIP_MS)):
            work = folder / str(number)
            work.mkdir()
            with review(run, bundle, work) as url:
                page = browser.new_page(viewport={"width": 1366, "height": 768})
                network = page.context.new_cdp_session(page)
                network.send("Network.enable")
                conditions = {"offline": False, "latency": added_ms, "downloadThroughput": -1}
                network.send(
                    "Network.emulateNetworkConditions", {**conditions, "uploadThroughput": -1}
                )
                waits = look(page, url, most=options.parcels)
                print(told(f"{added_ms} ms added" if added_ms else "loopback", waits), flush=True)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
