"""What the process does to itself before it takes any of the student's code."""

import os
import resource

LIMITS = {
    "data": resource.RLIMIT_DATA,
    "fsize": resource.RLIMIT_FSIZE,
    "nproc": resource.RLIMIT_NPROC,
    "nofile": resource.RLIMIT_NOFILE,
    "cpu": resource.RLIMIT_CPU,
    "core": resource.RLIMIT_CORE,
}


def limit(words: list[str]) -> None:
    """Set limits that no later code can lift."""
    for word in words:
        name, _, value = word.partition("=")
        soft = int(value)
        hard = resource.getrlimit(LIMITS[name])[1]
        if hard != resource.RLIM_INFINITY:
            soft = min(soft, hard)
        resource.setrlimit(LIMITS[name], (soft, soft))


def quiet() -> None:
    """No input, no output: whatever is printed, in any way, goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    os.close(nowhere)
