"""One run of ansible-playbook, and what it leaves: its stream, its exit code, a hint."""

import os
import re
import selectors
import shutil
import subprocess
import time

from answer import Problem

# Of stderr, which is read for hints alone: where it begins, and where it ends.
MAX_STDERR_BYTES = 64 * 1024
LOOK_SECONDS = 0.5
OUT_OF_TIME = "it was stopped because its time was over: give the target a longer timeout, or its nodes less to do"


class Stderr:
    """Both ends of what was written, however much it was."""

    def __init__(self):
        self._head, self._tail = b"", b""

    def add(self, data):
        room = MAX_STDERR_BYTES - len(self._head)
        self._head += data[:room]
        self._tail = (self._tail + data[room:])[-MAX_STDERR_BYTES:] if room < len(data) else self._tail

    def text(self):
        return (self._head + b"\n" + self._tail).decode("utf-8", "replace")


def run_playbook(command, environment, cwd, events, most_bytes, until, umask):
    """
    Runs it until it ends, the time is over, or its stream is larger than anybody reads. Nothing it prints is shown.
    Gives its exit code (none when it was stopped), its stderr and why it was stopped. What it started may still run.
    """
    process = subprocess.Popen(
        [*idle_disk(), *command],
        env=environment,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Symbolic modes such as `+x` depend on it: the playbook sees what it sees in a run by hand.
        preexec_fn=lambda: os.umask(umask),
    )
    os.set_blocking(process.stderr.fileno(), False)
    said = Stderr()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while process.poll() is None:
            if time.monotonic() >= until:
                return None, said.text(), OUT_OF_TIME
            if size_of(events) > most_bytes:
                raise stream_too_large(most_bytes)
            if not selector.get_map():
                wait(process)
            elif selector.select(LOOK_SECONDS) and not drain(process.stderr, said):
                selector.unregister(process.stderr)
    drain(process.stderr, said)
    code = process.returncode
    return code if code >= 0 else 128 - code, said.text(), None


def wait(process):
    try:
        process.wait(LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        pass


def drain(stream, said):
    """Whether more may come."""
    for _ in range(64):
        data = stream.read(65536)
        if data is None:
            return True
        if data == b"":
            return False
        said.add(data)
    return True


def idle_disk():
    """The lowest of the priorities that always make progress."""
    ionice = shutil.which("ionice")
    return [] if ionice is None else [ionice, "-c", "2", "-n", "7"]


def size_of(name):
    try:
        return os.stat(name).st_size
    except FileNotFoundError:
        return 0


def read_stream(name, most_bytes):
    """All of it; empty where the playbook could not even be read."""
    try:
        with open(name, "rb") as file:
            data = file.read(most_bytes + 1)
    except FileNotFoundError:
        return b""
    if len(data) > most_bytes:
        raise stream_too_large(most_bytes)
    return data


def stream_too_large(most_bytes):
    text = "the stream of events is larger than %g MB: divide the playbook into several targets, or shorten its loops"
    return Problem(text % (most_bytes / 1024 / 1024))


def hint_of(stderr, hints, source):
    """The first that matches. The patterns mean the same here as in drift/nodes/hints.ts; paths are the repository's."""
    for hint in hints:
        found = re.search(hint["pattern"], stderr.replace(source + "/", "/"))
        if found is not None:
            return re.sub(r"\$([0-9])", lambda group: found.group(int(group.group(1))) or "", hint["text"])
    return None
