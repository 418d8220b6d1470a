"""Which texts of a world become one token each: to name a thing is then one decision, and what follows it in a list is near."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What counts as a name in a world, and how often something must be said to be worth a token."""

    names: tuple[str, ...]
    """Patterns; what one of them matches is a name."""
    known: float = 0.0
    """In which share of the episodes a name must stand. A name that stands in one episode only is better spelled."""
    phrases: float | None = None
    """Of which share of the messages a text between names must be a part, on average, to be a token too ("You arrive at",
    ", you see a"); a task's own sentence is far rarer. None: no such texts."""

    def tokens(self, episodes: Sequence[Sequence[str]]) -> list[str]:
        """Names and phrases of these episodes, sorted.

        Args:
            episodes: The messages of each.
        """
        patterns = [re.compile(each) for each in self.names]
        said = Counter(
            name for texts in episodes for name in {n for p in patterns for t in texts for n in p.findall(t)}
        )
        found = {name for name, count in said.items() if count >= self.known * len(episodes)}
        if self.phrases is not None:
            either = re.compile("|".join(self.names))
            texts = [text for each in episodes for text in each]
            between = Counter(phrase for text in texts for part in either.split(text) if (phrase := part.strip()))
            found |= {phrase for phrase, count in between.items() if count >= self.phrases * len(texts)}
        return sorted(found)
