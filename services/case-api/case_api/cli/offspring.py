"""How a child process comes to die with its parent, however that ends."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def dies_with_parent(number: signal.Signals) -> Callable[[], None]:
    """What the child does between fork and exec, so that even `kill -9` of the parent leaves no orphan.

    The kernel watches the thread that forked: children are started from the main thread only.
    """
    if sys.platform != "linux":
        return _nothing
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork: after it little is safe
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the kernel knew whom to watch
            os._exit(1)

    return ask_the_kernel


def _nothing() -> None:
    """Other systems have no such call; there the next start finds what was left."""
