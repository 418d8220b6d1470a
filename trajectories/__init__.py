"""What happened: the record of episodes, the store that keeps it, the views derived from it."""

from .errors import (
    AgentBankError,
    ContextOverflow,
    DataError,
    Fault,
    MissingPart,
    UnknownName,
    UsageError,
)
from .record import (
    SCHEMA,
    AgentRef,
    EnvRef,
    Episode,
    Failure,
    Message,
    Reply,
    Result,
    Step,
    TaskRef,
    Turn,
    chat,
    episode_id,
    json_schema,
)
from .store import Store, read_episodes

__all__ = [
    "SCHEMA",
    "AgentBankError",
    "AgentRef",
    "ContextOverflow",
    "DataError",
    "EnvRef",
    "Episode",
    "Failure",
    "Fault",
    "Message",
    "MissingPart",
    "Reply",
    "Result",
    "Step",
    "Store",
    "TaskRef",
    "Turn",
    "UnknownName",
    "UsageError",
    "chat",
    "episode_id",
    "json_schema",
    "read_episodes",
]
