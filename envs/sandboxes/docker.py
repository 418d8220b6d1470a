"""Sandboxes by a Docker engine."""


def lacks() -> str:
    return "not yet"
