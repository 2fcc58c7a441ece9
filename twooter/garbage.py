"""The garbage collector: rests while a process loads its code, and leaves alone for ever what was loaded."""

from __future__ import annotations

import gc


def rest() -> None:
    """Collect nothing until `resume`: loading throws little away, and looking for it took a sixth of a start."""
    gc.disable()


def resume() -> None:
    """Collect again, but nothing of what is there by now: it stays for as long as the process.

    Called before a fork, it lets children share its pages; called again in a child, it does no harm.
    """
    gc.freeze()
    gc.enable()
