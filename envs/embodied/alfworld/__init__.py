"""ALFWorld: official games and generated ones, on an engine of our own or on TextWorld."""

from .generator import write_games
from .world import ALFWorld

__all__ = ["ALFWorld", "write_games"]
