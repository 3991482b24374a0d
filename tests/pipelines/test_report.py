"""The report: one page that stands alone, shows every flag, and believes no text of the feed."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import simplejpeg
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.pipelines.facility_feed import write_facility_feed

from parcelscope.datasets.feed import read_feed
from parcelscope.models.bundle import load_bundle
from parcelscope.pipelines.charts import ranked, risk_histogram, tick
from parcelscope.pipelines.check_words import CHECK_WORDS
from parcelscope.pipelines.flag_cards import FULL_FLAGS
from parcelscope.pipelines.report import render_report
from parcelscope.pipelines.run_folder import Run, read_run
from parcelscope.pipelines.screen import screen
from parcelscope.screening.config import load_screening_config
from parcelscope.screening.indicators.registry import CODES, DETECTOR_CHECKS

VOID = {"meta", "link", "img", "br", "hr", "input"}
LOADING = {"src", "href", "srcset", "data", "poster", "action", "formaction", "background"}
GUILT = re.compile(r"\b(counterfeit|contraband|illegal|smuggl\w*|guilty|criminal|fake)\b", re.I)


class Page(HTMLParser):
    """The page as a browser would take it apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("report")
    write_tiny_bundle(folder / "bundle")
    write_facility_feed(folder / "feed")
    # So large a budget that the hostile descriptions and both cartons are flagged.
    screen(folder / "feed", folder / "run", bundle_folder=folder / "bundle", budget=0.9, workers=1)
    return read_run(folder / "run")


@pytest.fixture(scope="module")
def html(run: Run) -> str:
    return (run.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_it_is_well_formed_html(page: Page) -> None:
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_it_asks_nobody_for_anything(page: Page, html: str) -> None:
    for tag, attributes in page.tags:
        for name in LOADING & set(attributes):
            value = attributes[name] or ""
            assert value.startswith(("data:", "#")), f"<{tag} {name}={value[:60]!r}>"
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_text_of_the_feed_cannot_become_markup(page: Page, html: str) -> None:
    assert page.all("script") == []
    assert "<script" not in html
    assert "&lt;script&gt;alert" in html
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "evil.example" in page.text


def test_a_policy_forbids_scripts_and_requests(page: Page) -> None:
    (policy,) = [
        meta["content"]
        for meta in page.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_every_flag_has_its_line_its_card_and_its_reasons(run: Run, page: Page) -> None:
    cards = [attributes["id"] for attributes in page.all("article")]
    links = {attributes["href"] for attributes in page.all("a")}
    assert len(cards) == run.flags.height
    assert {f"#{card}" for card in cards} <= links
    for flag in run.flags.to_dicts():
        assert flag["owner_id"] in page.text
        for reason in flag["reasons"]:
            assert " ".join(reason.split()) in page.text


def test_the_arms_are_explained_in_words(run: Run, page: Page) -> None:
    assert set(run.flags["arm"]) == {"targeted", "random"}
    assert "Drawn at random, whatever its risk." in page.text
    assert "within the inspection budget of 90%" in page.text


def test_the_totals_are_those_of_the_card(run: Run, page: Page) -> None:
    counts = run.card.counts
    assert f"{counts.flagged_targeted} targeted, {counts.flagged_random} at random" in page.text
    assert f"{counts.with_carton} parcel" in page.text
    assert "23 assessed, 1 quarantined" in page.text
    assert "1 missing" in page.text
    assert run.card.bundle.digest in page.text


def test_what_could_not_be_read_or_seen_is_told(page: Page) -> None:
    assert "declared_weight_g must be a number, 0 or more, got heavy" in page.text
    assert "gone.tif is named in the feed, but is not there." in page.text
    assert "cut.jpg" in page.text


def test_a_carton_shows_its_count_beside_the_manifest(page: Page) -> None:
    assert "1 piece" in page.text
    assert re.search(r"X-ray: \d+ to \d+", page.text)
    pieces = [a for _, a in page.tags if (a.get("class") or "").startswith("mark piece")]
    assert pieces


def test_only_boxes_from_the_threshold_up_are_marked(run: Run, page: Page) -> None:
    shown = [float(score) for score in re.findall(r"like [a-z ]+, (\d\.\d\d)", page.text)]
    assert shown
    assert min(shown) >= 0.5
    below = run.findings.filter(pl.col("code").str.starts_with("item.") & (pl.col("score") < 0.5))
    assert below.height, "the feed must hold shapes below the threshold"


def test_every_picture_is_a_small_jpeg_with_words_for_it(page: Page) -> None:
    images = page.all("img")
    assert images
    for image in images:
        head, _, data = (image["src"] or "").partition(",")
        assert head == "data:image/jpeg;base64"
        content = base64.b64decode(data, validate=True)
        assert len(content) <= 60_000
        assert simplejpeg.decode_jpeg_header(content)[0] > 0
        assert image["alt"]


def test_marks_lie_on_their_picture(page: Page) -> None:
    for _, attributes in page.tags:
        if (attributes.get("class") or "").startswith("mark"):
            left, top, width, height = map(float, re.findall(r":([\d.]+)%", attributes["style"]))
            assert 0 <= left <= left + width <= 100.01
            assert 0 <= top <= top + height <= 100.01


def test_it_never_says_what_a_parcel_is(page: Page) -> None:
    assert GUILT.search(page.text) is None


def test_what_the_bundle_says_of_itself_stands_at_the_top(run: Run) -> None:
    bundle, _ = load_bundle(run.folder.parent / "bundle")
    warned = bundle.model_copy(update={"notes": "Trained on <simulated> scans only."})
    feed = read_feed(run.folder.parent / "feed")
    html = render_report(run, feed, warned, load_screening_config())
    above = html[: html.index('class="totals"')]
    assert "Trained on &lt;simulated&gt; scans only." in above


def test_every_check_has_words() -> None:
    assert {*CODES, *DETECTOR_CHECKS} <= set(CHECK_WORDS)


def test_a_histogram_counts_everyone_and_marks_the_flagged() -> None:
    risk = np.array([0.0, 0.02, 0.5, 1.0])
    chart = risk_histogram(risk, np.array([False, False, False, True]), bins=10)
    assert (chart.total, chart.highest) == (4, 2)
    assert [column.x for column in chart.columns] == [1.0, 161.0, 289.0]
    assert [column.x for column in chart.flagged] == [289.0]
    assert chart.columns[0].height == pytest.approx(120)


def test_an_empty_histogram_draws_nothing() -> None:
    chart = risk_histogram(np.array([]), np.array([], bool))
    assert (chart.columns, chart.flagged, chart.highest) == ((), (), 0)


def test_a_long_tail_is_summed_without_a_bar() -> None:
    rows = ranked([(f"r{n}", n) for n in range(1, 7)], most=3)
    assert [(row.label, row.value) for row in rows] == [
        ("r6", 6),
        ("r5", 5),
        ("r4", 4),
        ("3 others together", 6),
    ]
    assert rows[0].share == 1.0
    assert rows[-1].share == 0.0


@pytest.mark.parametrize(
    ("share", "before", "anchor"),
    [
        pytest.param(0.1, True, "start", id="too far left to stand before"),
        pytest.param(0.5, True, "end", id="before"),
        pytest.param(0.5, False, "start", id="after"),
        pytest.param(0.95, False, "end", id="too far right to stand after"),
    ],
)
def test_a_tick_keeps_its_label_in_the_chart(share: float, before: bool, anchor: str) -> None:
    assert tick(share, "look", before=before).anchor == anchor


def test_flags_beyond_the_limit_stand_in_the_list_alone(tmp_path: Path) -> None:
    count = FULL_FLAGS + 5
    (tmp_path / "feed").mkdir()
    pl.DataFrame(
        {
            "parcel_id": [f"P{n:03}" for n in range(count)],
            "tracking_number": ["LX000000011CN"] * count,
            "description": ["gift"] * count,
        }
    ).write_csv(tmp_path / "feed" / "parcels.csv")
    write_tiny_bundle(tmp_path / "bundle")
    screen(tmp_path / "feed", tmp_path / "run", bundle_folder=tmp_path / "bundle", budget=1.0)
    page = Page((tmp_path / "run" / "report.html").read_text(encoding="utf-8"))
    assert len(page.all("article")) == FULL_FLAGS
    assert f"The first {FULL_FLAGS} of {count} are shown with their pictures" in page.text
    assert "No X-ray scan to show." in page.text
    assert f"P{count - 1:03}" in page.text
