"""What the frames plugin works out, without the host: so it has tests of its own, in test_hot.py."""

from collections import Counter
from dataclasses import dataclass


# The beginnings of names that say nothing of the application: every stack is full of them.
MACHINERY = ("std::", "core::", "alloc::", "tokio::", "futures", "__", "syscall")


@dataclass(frozen=True)
class Hot:
    """A function, and how many threads and tasks stand in it."""

    function: str
    standing: int
    innermost: int


def own(functions):
    """Those of a stack's functions that are not machinery. `<std::fs::File as ...>::read` belongs to its type."""
    return [function for function in functions if not function.lstrip("<&").startswith(MACHINERY)]


def hot(traces, limit):
    """The functions that most threads and tasks stand in, at most `limit` of them.

    `traces` are triples of how many stand there, the names of the functions and the name of the innermost one. A
    function that calls itself counts once. One that everybody stands in is left out: it starts threads, or is main.
    """
    standing, innermost, everybody = Counter(), Counter(), 0
    for count, functions, last in traces:
        everybody += count
        innermost[last] += count
        for function in set(functions):
            standing[function] += count
    found = [
        Hot(function, count, innermost[function])
        for function, count in standing.items()
        if count < everybody or innermost[function] > 0
    ]
    found.sort(key=lambda one: (-one.standing, -one.innermost, one.function))
    return found[:limit], max(0, len(found) - limit)
