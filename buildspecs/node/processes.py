"""Ending all that a run started, and what it may take of the node."""

import ctypes
import os
import signal
import time

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of <linux/prctl.h>
END_SECONDS = 10


def adopt_orphans():
    """
    What loses its parent becomes ours. Ansible's workers have sessions of their own (core 2.19 and newer, and async),
    so that ending a process group is not enough.
    """
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def end_descendants():
    """Ends all that stems from this process, until nothing is left."""
    until = time.monotonic() + END_SECONDS
    while time.monotonic() < until:
        found = descendants()
        for process in found:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        reap()
        if not found:
            return
        time.sleep(0.01)


def descendants():
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, "rb") as file:
                    # The name of a program, in brackets, may hold anything; then come state and parent.
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(name))
    found, waiting = [], [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def step_back():
    """Whatever the node is there for goes first: for the processor, and when memory runs out."""
    os.setpriority(os.PRIO_PROCESS, 0, 10)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")
    except OSError:
        pass
