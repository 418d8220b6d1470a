"""AgentBank: worlds for language agents, agents that act in them, the record, the judgement, and training.

Everything here is loaded when it is first used, so that ``import agentbank`` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_doors = {
    "make": "agentbank.envs",
    "spec": "agentbank.envs",
    "specs": "agentbank.envs",
    "register": "agentbank.envs",
    "select": "agentbank.envs",
    "Episode": "agentbank.trajectories",
    "Store": "agentbank.trajectories",
    "read_episodes": "agentbank.trajectories",
    "chat": "agentbank.trajectories",
    "make_agent": "agentbank.agents",
    "make_model": "agentbank.agents",
    "rollout": "agentbank.harness",
    "evaluate": "agentbank.harness",
    "collect": "agentbank.harness",
}

__all__ = [*sorted(_doors), "__version__"]


def __getattr__(name: str) -> Any:
    """Import the room behind a door when somebody knocks."""
    if name not in _doors:
        raise AttributeError(f"module 'agentbank' has no attribute {name!r}")
    return getattr(import_module(_doors[name]), name)


def __dir__() -> list[str]:
    """The doors."""
    return __all__
