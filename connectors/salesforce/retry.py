"""When and how long to wait before a request is sent again.

Exponential backoff with full jitter: before the n-th repeat wait a random time below
``base * 2**n``, capped, so that many clients don't come back at the same moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Policy"]


@dataclass(frozen=True)
class Policy:
    """How often and how patiently a request is repeated.

    Attributes:
        repeats: how many times a failed request is sent again.
        slow_repeats: the same for one that the server gave up as too slow.
        base: seconds; the first wait is below it.
        cap: seconds; no wait is longer, unless the server asks for more.
        patience: seconds; where the server asks for a longer wait, it is over its limit for us.
        chance: gives a number from 0 to 1.
    """

    repeats: int = 5
    slow_repeats: int = 2
    base: float = 0.5
    cap: float = 20.0
    patience: float = 120.0
    chance: Callable[[], float] = random.random

    def wait(self, repeat: int, asked: float | None = None) -> float:
        """Seconds to wait before a repeat, which count from 0.

        Args:
            repeat: which repeat it is, from 0.
            asked: what the server asked for (``Retry-After``).

        >>> Policy(chance=lambda: 1.0).wait(0), Policy(chance=lambda: 1.0).wait(9)
        (0.5, 20.0)
        >>> Policy(chance=lambda: 0.0).wait(0, asked=3.0)
        3.0
        """
        jittered = self.chance() * min(self.cap, self.base * 2.0**repeat)
        return max(jittered, asked or 0.0)
