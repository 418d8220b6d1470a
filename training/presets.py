"""The papers' training set-ups, value by value with its source; what no source gives is marked as ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..trajectories.errors import UnknownName

OURS = "not published; ours"
_PROXY = f"{OURS} (as in the same first author's ETO training script)"
_TUNING = "AgentTuning (arXiv 2310.12823), training details, as quoted by readers' notes"
_RELEASE = "AgentTuning's released README"


@dataclass(frozen=True)
class Preset:
    """A named set-up: `values` maps a setting to its value and where it comes from, `pick` says how its mixture is drawn."""

    name: str
    paper: str
    mixture: Mapping[str, float]
    mixture_source: str
    values: Mapping[str, tuple[Any, str]]
    pick: Literal["share", "draw"] = "share"

    def settings(self) -> dict[str, Any]:
        """Setting to value, as `SFTConfig` takes them."""
        return {name: value for name, (value, _) in self.values.items()}

    def sources(self, settings: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
        """Each of the preset's settings as it really is in `settings`, with its source, or that it was set by hand."""
        return {
            name: (settings[name], source if settings[name] == value else f"set by hand; the preset has {value!r}")
            for name, (value, source) in self.values.items()
        }

    def unknown(self) -> list[str]:
        """The settings that no source gives."""
        return [name for name, (_, source) in self.values.items() if source.startswith(OURS)]


def _samoyed(size: str) -> Preset:
    return Preset(
        name=f"samoyed-{size}",
        paper="AgentBank (arXiv 2410.07706)",
        mixture={"agent": 0.8, "general": 0.1, "code": 0.1},
        mixture_source="80:10:10 is reported but unconfirmed; sources confirm agent data plus general and code data",
        values={
            "model": (f"meta-llama/Llama-2-{size}-hf", "AgentBank: Llama-2 7B and 13B, as digests of the paper state"),
            "template": ("llama2", f"{OURS}: the paper's exact template was not found"),
            "max_length": (4096, _PROXY),
            "epochs": (3, _PROXY),
            "batch_size": (128, f"{OURS} (ETO's script has 64)"),
            "learning_rate": (2e-5, _PROXY),
            "schedule": ("cosine", _PROXY),
            "warmup": (0.03, _PROXY),
            "weight_decay": (0.0, _PROXY),
            "precision": ("bf16", _PROXY),
            "gradient_checkpointing": (True, _PROXY),
        },
    )


def _agentlm(size: str, rate: tuple[float, str]) -> Preset:
    return Preset(
        name=f"agentlm-{size}",
        paper="AgentTuning (arXiv 2310.12823)",
        mixture={"agent": 0.2, "general": 0.8},
        pick="draw",
        mixture_source=f"{_TUNING}: eta = 0.2, the chance that a draw is agent data (a mixture by draws, not by tokens)",
        values={
            "model": (f"meta-llama/Llama-2-{size}-chat-hf", _RELEASE),
            "template": ("llama2", f"{_RELEASE}: Llama-2-chat with one fixed system prompt"),
            "max_length": (4096, _TUNING),
            "epochs": (1, f"{OURS}: neither epochs nor steps were found"),
            "batch_size": (64, _TUNING),
            "learning_rate": rate,
            "schedule": ("cosine", _TUNING),
            "warmup": (0.02, _TUNING),
            "weight_decay": (0.0, OURS),
            "precision": ("bf16", OURS),
            "gradient_checkpointing": (True, OURS),
        },
    )


PRESETS = {
    each.name: each
    for each in (
        _samoyed("7b"),
        _samoyed("13b"),
        _agentlm("7b", (5e-5, _TUNING)),
        _agentlm("13b", (5e-5, _TUNING)),
        _agentlm("70b", (1e-5, f"{OURS}: 5e-5 is given for 7B and 13B only")),
    )
}


def named(name: str) -> Preset:
    """The preset of this name; an unknown one is refused with the nearest."""
    if name not in PRESETS:
        raise UnknownName("preset", name, PRESETS)
    return PRESETS[name]
