"""Who may do what in the review application."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Role = Literal["viewer", "analyst", "supervisor", "admin", "auditor"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

Action = Literal[
    "see",  # parcels, cartons, cases, with personal data hidden
    "see_personal",  # names and addresses as well
    "decide",  # take, decide, undo, notes, exam outcomes, cases
    "supervise",  # bulk release, hand back what others hold, settle second opinions
    "statistics",  # how analysts and the model do, in aggregate
    "audit",  # read, verify and export the log
    "manage_people",  # add people, change roles and passwords
]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)

_ANALYST: Final[frozenset[Action]] = frozenset({"see", "see_personal", "decide"})
_SUPERVISOR: Final[frozenset[Action]] = _ANALYST | {"supervise", "statistics"}
_MAY: Final[dict[Role, frozenset[Action]]] = {
    "viewer": frozenset({"see"}),
    "analyst": _ANALYST,
    "supervisor": _SUPERVISOR,
    "admin": _SUPERVISOR | {"manage_people", "audit"},
    # Whoever checks the log takes no part in what it tells, and needs nobody's address for it.
    "auditor": frozenset({"see", "audit"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who asks."""

    name: str
    role: Role

    def may(self, action: Action) -> bool:
        """Whether their role allows `action`."""
        return may(self.role, action)


def may(role: Role, action: Action) -> bool:
    """Whether `role` allows `action`."""
    return action in _MAY[role]
