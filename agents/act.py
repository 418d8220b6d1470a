"""Act: an action to each observation, no thought; what ReAct is compared with."""

from __future__ import annotations

from typing import ClassVar

from ..trajectories.record import Source
from .prompt import Style
from .react import React


class Act(React):
    """The same conversation as `react` without thoughts; a bare line counts as the action, leniently."""

    name: ClassVar[str] = "act"
    thought_source: ClassVar[Source] = "none"
    style: ClassVar[Style] = "act"
