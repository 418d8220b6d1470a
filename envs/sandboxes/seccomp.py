"""A system call filter for bubblewrap: what outlives a process or opens the kernel wide answers "not permitted"."""

from __future__ import annotations

import platform
import struct
from functools import cache

from ...trajectories.errors import MissingPart

# Kernel objects that no process owns (they would carry a word from one program to the next), and doors of the kernel
# that no program of an agent needs: (x86_64, aarch64) numbers, from the kernel's own tables.
DENIED = {
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "unshare": (272, 97),
    "setns": (308, 268),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "open_by_handle_at": (304, 265),
}
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
X32 = 0x40000000
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000


@cache
def program() -> bytes:
    """The filter as the kernel takes it: 8-byte instructions of classic BPF.

    Raises:
        MissingPart: this machine's architecture is not in the table.
    """
    if platform.machine() not in ARCHITECTURES:
        raise MissingPart(f"no system call table for {platform.machine()}; use docker")
    column, architecture = ARCHITECTURES[platform.machine()]
    numbers = sorted(pair[column] for pair in DENIED.values())
    code = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    code += [(AT_LEAST, len(numbers) + 1, 0, X32)] if column == 0 else []
    code += [(EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    code += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("=HBBI", *each) for each in code)
