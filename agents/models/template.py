"""The digest of a chat template: what the record keeps of how a model's chats were rendered."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from ...trajectories.errors import DataError


def digest(template: str) -> str:
    """Sixteen hex digits of the template's text."""
    return hashlib.sha256(template.encode()).hexdigest()[:16]


def digest_of_folder(folder: Path) -> str | None:
    """The digest of a checkpoint folder's own chat template; None where it has none, or is no folder.

    Raises:
        DataError: the tokenizer's configuration is not JSON.
    """
    beside = folder / "chat_template.jinja"
    if beside.is_file():
        return digest(beside.read_text(encoding="utf-8"))
    config = folder / "tokenizer_config.json"
    if not config.is_file():
        return None
    try:
        template = msgspec.json.decode(config.read_bytes(), type=dict[str, object]).get("chat_template")
    except msgspec.DecodeError as error:
        raise DataError(config, f"not a tokenizer's configuration: {error}") from None
    return digest(template) if isinstance(template, str) else None
