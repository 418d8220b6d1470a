"""Command-line flags made from a configuration's fields: one source for names, types, defaults and help."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Callable
from typing import Annotated, Any, Optional, get_origin, get_type_hints

import typer


def help_of(kind: type) -> dict[str, str]:
    """Each field's docstring: the string that stands below it in the class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return found


def with_flags(kind: type, leave_out: tuple[str, ...] = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command one flag for each field of a dataclass, None where it is not given.

    The command takes them as ``**settings``; the fields named in `leave_out` get no flag.
    """
    helps, hints = help_of(kind), get_type_hints(kind)

    def wrap(command: Callable[..., Any]) -> Callable[..., Any]:
        own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
        made = []
        for field in dataclasses.fields(kind):
            if field.name in leave_out:
                continue
            wanted = list[str] if get_origin(hints[field.name]) is tuple else hints[field.name]
            text = f"{helps[field.name]} [{field.default!r}]"
            option = typer.Option(help=text, show_default=False, rich_help_panel="Settings")
            annotation: Any = Annotated[Optional[wanted], option]  # noqa: UP045 (a runtime type, not a spelling)
            made.append(
                inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            )
        command.__signature__ = inspect.Signature([*own, *made])  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in [*own, *made]}
        return command

    return wrap
