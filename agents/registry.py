"""The registry: which agents and which kinds of model there are. Each is imported when it is made, not before."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..trajectories.errors import UnknownName, UsageError
from .core import Agent, Model

_agents: dict[str, str] = {
    "react": ".react:React",
    "act": ".act:Act",
    "expert": ".expert:Expert",
    "random": ".random:Random",
    "noop": ".noop:Noop",
    "human": ".human:Human",
}
_models: dict[str, str] = {
    "openai": ".models.endpoint:Endpoint",
    "vllm": ".models.server:Vllm",
    "transformers": ".models.local:Local",
    "hf": ".models.local:Local",
    "scripted": ".models.scripted:Scripted",
}


def register_agent(name: str, entry_point: str) -> None:
    """Add an agent: ``register_agent("mine", "my_package.my_module:MyAgent")``; nothing is imported yet.

    Raises:
        UsageError: the name is taken by another agent.
    """
    _register("agent", _agents, name, entry_point)


def register_model(kind: str, entry_point: str) -> None:
    """Add a kind of model, the word before the colon in ``kind:name``.

    Its class has an `Options` dataclass and a class method ``load(name, options) -> Model``.

    Raises:
        UsageError: the kind is taken by another class.
    """
    _register("kind of model", _models, kind, entry_point)


def agents() -> dict[str, str]:
    """All registered agents: name and entry point."""
    return dict(_agents)


def model_kinds() -> dict[str, str]:
    """All registered kinds of model: kind and entry point."""
    return dict(_models)


def make_agent(name: str, *, model: Model | None = None, **options: Any) -> Callable[[], Agent]:
    """A factory that gives one fresh agent per episode.

    Args:
        name: a registered agent, such as ``react``.
        model: what it thinks with, for agents that need one; shared by all episodes.
        options: fields of the agent's `Options`; text is read as the field's type (``"3"`` as 3).

    Raises:
        UnknownName: no such agent or option.
        UsageError: an option of the wrong type or range, a model missing, or one given to an agent that has no use
            for it.
    """
    kind = _load("agent", _agents, name)
    if model is not None and not kind.needs_model:
        raise UsageError(f"agent {name!r} uses no model; leave the model out")
    factory = functools.partial(kind, model, read_options(f"agent {name}", kind.Options, options))
    factory()  # so that what is missing is told here, not in the first episode
    return factory


def make_model(name: str, **options: Any) -> Model:
    """A model by kind and name: ``openai:NAME``, ``vllm:FOLDER``, ``transformers:FOLDER`` (``hf:``), ``scripted:FILE``.

    Args:
        name: kind and name with a colon between them.
        options: fields of the kind's `Options`, such as ``base_url``, ``temperature``, ``max_tokens``.

    Raises:
        UnknownName: no such kind or option.
        UsageError: an option of the wrong type or range.
        MissingPart: the kind needs a package or program that is not here.
    """
    kind, _, rest = name.partition(":")
    if not (kind and rest):
        raise UsageError(
            f"a model is KIND:NAME, such as openai:{name or 'gpt-4o'}; kinds: {', '.join(sorted(_models))}"
        )
    loader = _load("kind of model", _models, kind)
    model: Model = loader.load(rest, read_options(f"model {kind}", loader.Options, options))
    return model


def read_options(owner: str, shape: type[Any], given: Mapping[str, Any]) -> Any:
    """Build the frozen dataclass `shape` from `given`, names and types checked.

    Raises:
        UnknownName: a field that `shape` has not.
        UsageError: a value of the wrong type or range.
    """
    known = [field.name for field in dataclasses.fields(shape)]
    for option in given:
        if option not in known:
            raise UnknownName(f"option of {owner}", option, known)
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{owner}: {error}") from None


def _register(kind: str, table: dict[str, str], name: str, entry_point: str) -> None:
    if table.get(name, entry_point) != entry_point:
        raise UsageError(f"{kind} {name!r} is registered already ({table[name]})")
    table[name] = entry_point


def _load(kind: str, table: dict[str, str], name: str) -> Any:
    if name not in table:
        raise UnknownName(kind, name, table)
    module, _, attribute = table[name].partition(":")
    package = __name__.rpartition(".")[0] if module.startswith(".") else None
    try:
        return getattr(importlib.import_module(module, package), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        raise UsageError(f"{kind} {name!r}: cannot load {table[name]!r}: {error}") from error
