"""The registry: which worlds there are. A world is imported when it is made, not before."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import shutil
from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium

from ..trajectories.errors import MissingPart, UnknownName, UsageError
from .core import EnvSpec, Standard, TextEnv

_specs: dict[str, EnvSpec] = {}
GROUPS = ("held-in", "held-out", "agentinstruct")
SKILLS = ("reasoning", "maths", "coding", "web", "embodied")


def register(id: str, entry_point: str, **fields: Any) -> EnvSpec:
    """Add a world: one line, nothing imported. The fields are those of `EnvSpec`.

    Raises:
        UsageError: the name is taken by another world.
    """
    spec = EnvSpec(id=id, entry_point=entry_point, **fields)
    if id in _specs and _specs[id] != spec:
        raise UsageError(f"a world {id!r} is registered already ({_specs[id].entry_point})")
    _specs[id] = spec
    name = f"agentbank/{id}-v0"
    if name not in gymnasium.registry:
        # No checker by default: it warns of text spaces at each make; the contract tests run it instead.
        gymnasium.register(
            id=name,
            entry_point=f"{__name__}:make_for_gymnasium",
            kwargs={"world": id},
            disable_env_checker=True,
            order_enforce=False,
        )
    return spec


def make_for_gymnasium(world: str, **options: Any) -> TextEnv:
    """What ``gymnasium.make("agentbank/webshop-v0", **options)`` calls."""
    return make(world, **options)


def specs() -> dict[str, EnvSpec]:
    """All registered worlds by name."""
    return dict(_specs)


def spec(id: str) -> EnvSpec:
    """The spec of one world.

    Raises:
        UnknownName: no such world, with the nearest names.
    """
    try:
        return _specs[id]
    except KeyError:
        raise UnknownName("world", id, _specs) from None


def select(names: str | Iterable[str]) -> list[EnvSpec]:
    """The worlds that names, skills (`web`), groups (`held-in`, `all`) or comma lists of these stand for, once each.

    Raises:
        UnknownName: a name that is none of these.
    """
    wanted = [part.strip() for name in ([names] if isinstance(names, str) else names) for part in name.split(",")]
    chosen: dict[str, EnvSpec] = {}
    for name in filter(None, wanted):
        if name in _specs:
            chosen[name] = _specs[name]
            continue
        members = [each for each in _specs.values() if name in ("all", each.skill, each.group)]
        if not members:
            raise UnknownName("world, skill or group", name, [*_specs, *SKILLS, *GROUPS, "all"])
        chosen |= {each.id: each for each in members}
    if not chosen:
        raise UsageError("no world named; try --env webshop, --env web or --env all")
    return list(chosen.values())


def missing(spec: EnvSpec) -> list[str]:
    """What this world needs and this machine lacks, each with its mend; empty where it can run."""
    lacks: list[str] = []
    for need in spec.needs:
        kind, _, name = need.partition(":")
        if kind == "package" and importlib.util.find_spec(name) is None:
            lacks.append(f"the Python package {name} (pip install 'agentbank[{spec.id}]')")
        elif kind == "program" and shutil.which(name) is None:
            lacks.append(f"the program {name} on PATH")
        elif kind == "sandbox":
            # Imported only when asked: most worlds need none.
            from .sandboxes import why_none

            reason = why_none("auto" if name == "any" else name)
            if reason:
                lacks.append(f"a sandbox ({reason})")
    return lacks


def load(spec: EnvSpec) -> type[TextEnv]:
    """Import the class of a world.

    Raises:
        MissingPart: something it needs is not installed.
    """
    lacks = missing(spec)
    if lacks:
        raise MissingPart(f"{spec.id} needs " + " and ".join(lacks))
    module, _, name = spec.entry_point.partition(":")
    package = __name__.rpartition(".")[0] if module.startswith(".") else None
    world: type[TextEnv] = getattr(importlib.import_module(module, package), name)
    return world


def make(id: str, **options: Any) -> TextEnv:
    """Make a world: ``make("webshop", split="test", data=None, max_steps=None, **its_own_options)``.

    Raises:
        UnknownName: no such world, split or option.
        MissingPart: a package or program is not here.
        DataError: `data` is not a folder in the official layout.
    """
    known = spec(id)
    world = load(known)
    try:
        env = world(about=known, **options)
    except TypeError as error:
        # Only a wrong keyword is the caller's; any other TypeError is ours and keeps its traceback.
        name = str(error).partition("unexpected keyword argument ")[2].strip("'")
        if not name:
            raise
        raise UnknownName(f"option of {id}", name, option_names(world)) from None
    env.recipe = {"id": id, **options}
    return env


def option_names(world: type[TextEnv]) -> Sequence[str]:
    """The keyword arguments that a world takes."""
    parameters = inspect.signature(world.__init__).parameters.values()
    own = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    return [*own, *(name for name in Standard.__annotations__ if name != "about")]
