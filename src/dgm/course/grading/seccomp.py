"""A system-call filter for the sandbox: no sockets but local ones, no new namespaces.

Built by hand for the kernel's classic BPF machine, since it is twenty lines and saves a
dependency. See ``man 2 seccomp``; numbers from the kernel's syscall tables.
"""

import errno
import platform
import struct

# name: number on x86-64, number on 64-bit ARM; None where there is none.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    # Memory that belongs to no process, so that no limit counts it.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
SOCKET, CLONE, CLONE3 = (41, 198), (56, 220), (435, 435)
NAMESPACES = 0x7E020000  # CLONE_NEW*
X32 = 0x40000000  # x86-64's second set of numbers
AF_UNIX = 1
LOAD, EQUAL, ANY, ATLEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, FIRST = 0, 4, 16  # offsets in struct seccomp_data


def program(machine: str = "") -> bytes | None:
    """The filter for this machine; None on a machine that it is not written for."""
    known = ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return None
    column, architecture = known
    refuse = _step(RETURN, ERRNO | errno.EPERM)
    code = [
        _step(LOAD, ARCHITECTURE),
        _step(EQUAL, architecture, 1, 0),
        _step(RETURN, KILL),
        _step(LOAD, NUMBER),
        _step(ATLEAST, X32, 0, 1),
        refuse,
    ]
    for numbers in REFUSED.values():
        if (number := numbers[column]) is not None:
            code += [_step(EQUAL, number, 0, 1), refuse]
    # Without clone3 the C library takes clone, whose flags can be looked at.
    code += [_step(EQUAL, CLONE3[column], 0, 1), _step(RETURN, ERRNO | errno.ENOSYS)]
    code += [_step(EQUAL, CLONE[column], 0, 4), _step(LOAD, FIRST)]
    code += [_step(ANY, NAMESPACES, 0, 1), refuse, _step(RETURN, ALLOW)]
    code += [_step(EQUAL, SOCKET[column], 0, 3), _step(LOAD, FIRST)]
    code += [_step(EQUAL, AF_UNIX, 1, 0), refuse, _step(RETURN, ALLOW)]
    return b"".join(code)


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)
