"""The laws that every aggregate keeps, and the error of one that does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from typing_extensions import override


class LawError(AssertionError):
    """An aggregate does not keep a law.

    Handling: mend the handler, the field or the codec that the sentence names.

    Attributes:
        law: the name of the law.
        entity: the name of the class.
        finding: what differed.
    """

    def __init__(self, law: str, entity: str, finding: str, /) -> None:
        """Keep the law, the class and the finding."""
        super().__init__(law, entity, finding)
        self.law = law
        self.entity = entity
        self.finding = finding

    @override
    def __str__(self) -> str:
        return f"{self.entity} breaks the law {self.law!r}, {LAWS[self.law]}: {self.finding}"


LAWS: Final[Mapping[str, str]] = {
    "coding": "an event comes back from its stored form as it was triggered",
    "frozen": "no handler changes an event",
    "pure": "replay at another time and with other ids gives the same state",
    "replay": "its events rebuild the aggregate that triggered them",
    "snapshot": "a snapshot and the events after it give the same state",
    "store": "a saved aggregate comes back equal",
    "gap": "a history that lacks an event does not load",
    "chain": "nobody can change a byte of a hash chain unnoticed",
}
"""The laws of every aggregate, by name."""
