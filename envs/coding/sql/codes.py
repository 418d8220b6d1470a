"""The numbers and states that MySQL puts before its messages."""

from __future__ import annotations

_CODES = (
    ("Unknown column", "1054 (42S22)"),
    ("Unknown table", "1051 (42S02)"),
    ("Unknown database", "1049 (42000)"),
    ("You have an error in your SQL syntax", "1064 (42000)"),
    ("Query was empty", "1065 (42000)"),
    ("Column count doesn't match", "1136 (21S01)"),
    ("Operand should contain", "1241 (21000)"),
    ("Subquery returns more than 1 row", "1242 (21000)"),
    ("Every derived table must have its own alias", "1248 (42000)"),
    ("Expression #", "1055 (42000)"),
    ("In aggregated query without GROUP BY", "1140 (42000)"),
    ("Invalid use of group function", "1111 (HY000)"),
    ("This version of MySQL doesn't yet support", "1235 (42000)"),
    ("Duplicate entry", "1062 (23000)"),
    ("Not unique table/alias", "1066 (42000)"),
    ("FUNCTION ", "1305 (42000)"),
    ("Query execution was interrupted", "3024 (HY000)"),
    ("Access denied", "1142 (42000)"),
    ("Use multi=True", "-1"),
)


def numbered(message: str) -> str:
    """The message as ``str(error)`` of MySQL's connector gives it: ``1054 (42S22): Unknown column ...``."""
    for start, code in _CODES:
        if message.startswith(start):
            return f"{code}: {message}"
    if message.startswith("Table '") and message.endswith("doesn't exist"):
        return f"1146 (42S02): {message}"
    if message.startswith("Column '"):
        return f"{'1048' if message.endswith('null') else '1052'} (23000): {message}"
    return f"1105 (HY000): {message}"
