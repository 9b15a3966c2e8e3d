"""Which of two versions of the Collector is the older one."""

import re


def before(one: str, other: str) -> bool:
    """Whether a version such as `0.139.0` or `v0.139.0` is older than another."""
    return numbers(one) < numbers(other)


def numbers(version: str) -> tuple[int, ...]:
    """The numbers in a version, in their order."""
    return tuple(map(int, re.findall(r"[0-9]+", version)))
