"""What the review application refuses, each with a sentence for whoever asked.

ReviewError
├── NoSuchItem     nothing of that name
├── NotAllowed     the role does not allow it
├── LostLease      somebody else has the parcel now, or it is done
├── NeedsReason    a decision that must say why
├── TooLate        nothing is left to undo
└── CannotBe       a case cannot become that from what it is
"""

from parcelscope.datasets.errors import ParcelscopeError


class ReviewError(ParcelscopeError):
    """Something that was asked of the review database cannot be done."""


class NoSuchItem(ReviewError):  # noqa: N818
    """There is no such parcel, carton, view or case."""


class NotAllowed(ReviewError):  # noqa: N818
    """The role of whoever asks does not allow it."""


class LostLease(ReviewError):  # noqa: N818
    """The parcel is not with whoever asks: it went to somebody else, back, or was decided."""


class NeedsReason(ReviewError):  # noqa: N818
    """The decision goes against the model and does not say why."""


class TooLate(ReviewError):  # noqa: N818
    """There is nothing to undo, or it cannot be undone any more."""


class CannotBe(ReviewError):  # noqa: N818
    """A case cannot become that from what it is."""
