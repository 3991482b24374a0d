"""What roles without a right to personal data get: no name, address or label, in no sentence."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.review.live_review import some_parcel

from parcelscope.review.dossier import Dossier, ManifestLine, read_dossier, shown
from parcelscope.review.redaction import (
    ALWAYS_PERSONAL,
    HIDDEN,
    HIDDEN_IMAGE,
    HIDDEN_SENTENCE,
    hidden_texts,
    may_show_person,
    personal_columns,
    redacted,
    without,
)
from parcelscope.screening.policy import PolicyConfig, load_policies

TODAY = date(2026, 11, 22)


def line(field: str, declared: str, *, personal: bool, seen: str | None = None) -> ManifestLine:
    return ManifestLine(
        field=field, label=field, declared=declared, seen=seen, differs=False, personal=personal
    )


def dossier_of(*lines: ManifestLine, hidden: tuple[str, ...] = ()) -> Dossier:
    return read_dossier(json.dumps(some_parcel(manifest=lines, hidden=hidden).dossier))


def test_names_and_addresses_are_personal_under_any_law() -> None:
    for config in (None, PolicyConfig(), PolicyConfig(jurisdiction="generic")):
        policies = None if config is None else load_policies(config)
        assert personal_columns(policies, TODAY) >= ALWAYS_PERSONAL
    assert "description" not in personal_columns(load_policies(PolicyConfig()), TODAY)


def test_a_policy_pack_that_lists_tracking_numbers_makes_them_personal() -> None:
    generic = load_policies(PolicyConfig(jurisdiction="generic"))
    assert "tracking_number" in personal_columns(generic, TODAY)
    assert "tracking_number" not in personal_columns(None, TODAY)


def test_personal_lines_are_hidden_and_so_is_what_was_seen_of_them() -> None:
    dossier = dossier_of(
        line("consignee_name", "Farid Keller", personal=True, seen="Farid Keller on the label"),
        line("description", "toys for Farid Keller", personal=False),
        hidden=("Farid Keller",),
    )
    told = redacted(shown(dossier), dossier)
    assert [one["declared"] for one in told["manifest"]] == [HIDDEN, f"toys for {HIDDEN}"]
    assert told["manifest"][0]["seen"] == HIDDEN
    assert "Keller" not in json.dumps(told)


def test_sentences_of_people_go_as_a_whole_since_they_may_shorten_names() -> None:
    dossier = dossier_of(hidden=("Maximiliana Extraordinarily-Long",))
    reason = dossier.reasons[0].model_copy(
        update={"code": "U10.names", "sentence": 'The address "7754 Hill Str…" stands for 9 names.'}
    )
    dossier = dossier.model_copy(update={"reasons": (reason,)})
    told = redacted(shown(dossier), dossier)
    assert told["reasons"][0]["sentence"] == HIDDEN_SENTENCE
    assert told["reasons"][0]["code"] == "U10.names"


@pytest.mark.parametrize(
    ("kind", "view", "hidden"),
    [
        ("photo", "label", True),
        ("photo", "exterior", True),
        ("photo", None, True),
        ("photo", "product", False),
        ("photo", "interior", False),
        ("scan", "top", False),
        ("scan", None, False),
    ],
)
def test_photos_that_may_show_a_label_are_hidden(kind: str, view: str | None, hidden: bool) -> None:
    assert may_show_person(kind, view) == hidden
    dossier = dossier_of()
    image = {"kind": kind, "view": view, "problem": None, "marks": [{"label": "LX1"}], "n": 0,
             "zones": [], "references": [{"k": 0}]}  # fmt: skip
    told = redacted({**shown(dossier), "images": [image]}, dossier)["images"][0]
    assert (told["problem"] == HIDDEN_IMAGE) == hidden
    assert (told["marks"] == []) == hidden


def test_texts_are_found_whatever_their_case_and_the_longest_first() -> None:
    told = without({"a": ["KELLER, farid keller GmbH", {"b": "Straße 5"}]},
                   ["Keller", "Farid Keller GmbH", "STRASSE 5", "GM", " "])  # fmt: skip
    assert told == {"a": ["hidden, hidden", {"b": "hidden"}]}


def test_names_by_which_programs_find_things_stay() -> None:
    told = without({"item_id": "abcdef", "kind": "abcdef", "words": "abcdef"}, ["abcdef"])
    assert told == {"item_id": "abcdef", "kind": "abcdef", "words": HIDDEN}


def test_long_texts_are_found_as_sentences_shorten_them() -> None:
    address = "Flat 7, " + "very " * 30 + "long street"
    texts = hidden_texts({"consignee_address": address}, ["consignee_address"], [])
    sentence = f'The address "{address[:79]}…" gives no house number.'
    assert without(sentence, texts) == f'The address "{HIDDEN}…" gives no house number.'


PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)


@given(
    hidden=st.lists(st.text("abcdxyzß İ", min_size=3, max_size=6), max_size=3),
    around=st.lists(PLAIN, min_size=2, max_size=4),
)
def test_no_hidden_text_is_left_anywhere(hidden: list[str], around: list[str]) -> None:
    texts = [one for one in hidden if len(one.strip()) >= 3 and one.casefold() not in HIDDEN]
    sentence = texts[0].join(around) if texts else "".join(around)
    told: Any = without({"sentence": sentence}, texts)
    left = told["sentence"].replace(HIDDEN, "\x00").casefold()
    assert not [one for one in texts if one.casefold() in left]
