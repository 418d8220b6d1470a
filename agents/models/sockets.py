"""What the machine allows a client: open files, and the proxy that the environment names."""

from __future__ import annotations

import urllib.request

from yarl import URL

RESERVED = 256
"""Open files left to the rest of the process."""


def file_room(wanted: int) -> int:
    """Connections that may be open at once: `wanted`, or fewer where the limit on open files stays below."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted + RESERVED:
        return wanted
    goal = wanted + RESERVED if hard == resource.RLIM_INFINITY else min(wanted + RESERVED, hard)
    if goal > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (goal, hard))
    return max(1, min(wanted, max(soft, goal) - RESERVED))


def proxy_for(url: URL) -> str | None:
    """The proxy that the environment names for this address, asked once and not at each call."""
    host = url.host or ""
    if urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(url.scheme)
