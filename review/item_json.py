"""One parcel or carton as the pages get it: its dossier, how it stands now, and what happened."""

from dataclasses import asdict
from typing import Any

from parcelscope.review.colleagues import colleagues, why_no_second
from parcelscope.review.database import reading
from parcelscope.review.dossier import Dossier, read_dossier, shown
from parcelscope.review.events import of_item
from parcelscope.review.history import history
from parcelscope.review.items import Item
from parcelscope.review.redaction import redacted
from parcelscope.review.roles import Person
from parcelscope.review.similar import similar_to
from parcelscope.review.state import Review


def item_json(review: Review, item: Item, person: Person) -> dict[str, Any]:
    """`item` for `person`: without personal data where their role does not see it.

    The arm, and before a second opinion what the first person leaned to, are told to nobody here.
    """
    dossier = read_dossier(item.dossier_json)
    with reading(review.engine) as connection:
        events = of_item(connection, item.item_id)
        like = similar_to(connection, item)
        there = colleagues(connection, review.settings.unlisted_roles)
    told = shown(dossier) | {
        "item_id": item.item_id,
        "reference": item.reference,
        "facility": item.facility,
        "lane": item.lane,
        "band": item.band,
        "description": item.description,
        "state": item.state,
        "no_second": why_no_second(item, person, there),
        "holder": item.holder,
        "lease_until": item.lease_until,
        "lease": item.lease_number,
        "scored_again": item.scored_again,
        "decision": item.decision,
        "decided_by": item.decided_by,
        "decided_at": item.decided_at,
        "outcome": item.outcome,
        "history": history(item, events, review.settings.reasons, name=person.name),
        "similar": [asdict(one) for one in like.found],
        "similar_by": like.by,
    }
    told["images"] = [_sized(review, dossier, image) for image in told["images"]]
    return told if person.may("see_personal") else redacted(told, dossier)


def _sized(review: Review, dossier: Dossier, image: dict[str, Any]) -> dict[str, Any]:
    """`image` with what only its file can say."""
    facts = review.pictures.facts(dossier, image["n"])
    return image | {
        "width_px": facts.width_px,
        "height_px": facts.height_px,
        "version": facts.version,
        "problem": image["problem"] or facts.problem,
    }
