"""
Runs the playbook of a bundle on this node, in check mode, and hands its stream over. Three processes:
the front, which the SSM agent started, waits and says the last line; the keeper, in a session of its own, so that it
outlives a front that is killed, ends whatever runs and removes what was written; the worker does the work.
"""

import fcntl
import hashlib
import json
import os
import platform
import re
import selectors
import shutil
import signal
import sys
import tempfile
import time

from answer import Problem, line, new_answer, problem_of
from core import base_environment, find_core, home
from playbook import hint_of, read_stream, run_playbook
from processes import adopt_orphans, end_descendants, step_back
from transfer import fetch, hand_over, new_opener
from unpack import malformed, unpack

FORMAT = "plumbline.bundle/1"
PREFIX = "plumbline-node-"
PLACE = re.compile(r"\{(source|plugin|collections|private|events|secrets|key|vaultPassword|inventory|own|node)\}")
MAX_STREAM_BYTES = 64 * 1024 * 1024
# A folder that nobody holds is left over; one that was just made is not held yet.
YOUNG_SECONDS = 60
# Ansible makes a socket below it, whose path the system bounds (108 bytes).
MAX_BASE = 45
SAID_PROBLEM = 20
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main():
    parameters = [sys.stdin.readline().rstrip("\n") for _ in range(4)]
    until = time.monotonic() + int(parameters[3])
    try:
        said = wait_for_keeper(parameters, until)
    except BaseException as error:  # pylint: disable=broad-except
        said = line({**new_answer(), "problem": problem_of(error)})
    print(said, flush=True)
    sys.exit(0 if '"problem":null' in said else SAID_PROBLEM)


def wait_for_keeper(parameters, until):
    adopt_orphans()
    folders = new_folders()
    answer_read, answer_write = os.pipe()
    alive_read, alive_write = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(answer_read)
        os.close(alive_write)
        keep(parameters, until, folders, alive_read, answer_write)
        os._exit(0)
    os.close(answer_write)
    os.close(alive_read)
    for number in STOPPING:
        # The keeper sees the other end close, cleans up and answers.
        signal.signal(number, lambda *_: close(alive_write))
    with os.fdopen(answer_read, "rb") as file:
        said = file.read().decode("ascii")
    if said == "":
        # Now what it kept is ours.
        left = clean_up(folders)
        removed = "" if left is None else ", and remove %s, which could not be removed" % left
        raise Problem("the process that keeps the run was killed: start the check anew" + removed)
    os.waitpid(keeper, 0)
    return said


def close(file):
    try:
        os.close(file)
    except OSError:
        pass  # A second signal.


# The keeper


def keep(parameters, until, folders, alive, answer_write):
    """Until the worker is done, the front is gone or the time is over; then nothing is left."""
    os.setsid()
    leave_terminal()
    umask = os.umask(0o077)
    answer = new_answer()
    try:
        adopt_orphans()
        answer = watch(parameters, until, umask, folders, alive, answer_write)
    except BaseException as error:  # pylint: disable=broad-except
        answer["problem"] = problem_of(error)
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    answer["left"] = clean_up(folders)
    try:
        os.write(answer_write, line(answer).encode("ascii"))
    except BrokenPipeError:
        pass


def clean_up(folders):
    """Gives what could not be removed."""
    end_descendants()
    for folder in folders:
        shutil.rmtree(folder.name, ignore_errors=True)
    return next((folder.name for folder in folders if os.path.exists(folder.name)), None)


def leave_terminal():
    """Nobody waits for output of a process that outlives the front."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)


def watch(parameters, until, umask, folders, alive, answer_write):
    result_read, result_write = os.pipe()
    if os.fork() == 0:
        for file in (result_read, alive, answer_write):
            os.close(file)
        answer = work(parameters, until, umask, folders)
        try:
            os.write(result_write, json.dumps(answer).encode("ascii"))
        finally:
            os._exit(0)
    os.close(result_write)
    for number in STOPPING:
        signal.signal(number, lambda *_: stopped())
    with selectors.DefaultSelector() as selector:
        selector.register(alive, selectors.EVENT_READ)
        selector.register(result_read, selectors.EVENT_READ)
        ready = {key.fd for key, _ in selector.select(max(0, until - reserve(until) / 2 - time.monotonic()))}
    if result_read in ready:
        with os.fdopen(result_read, "rb") as file:
            text = file.read()
        if text == b"":
            raise Problem("the run was killed, as the system does when its memory is used up")
        return json.loads(text)
    if alive in ready:
        stopped()
    raise Problem("its time was over while it fetched the bundle or handed its stream over: look at the network, or give it more")


def stopped():
    raise Problem("the run was stopped by a signal before its end: start it anew")


def reserve(until):
    """What is kept of the time for handing over and for cleaning up."""
    return min(30, max(2, (until - time.monotonic()) / 10))


class Folder:
    """Private, and locked as long as somebody needs it."""

    def __init__(self, name):
        self.name = name
        self._lock = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def new_folders():
    """One on a disk, one in memory; both gone afterwards."""
    remove_left_over()
    return [Folder(tempfile.mkdtemp(prefix=PREFIX, dir=below)) for below in (base(), memory())]


def base():
    """On a disk: a bundle may be too large for memory. What it holds in clear is the repository's."""
    for place in (os.environ.get("TMPDIR"), "/var/tmp", "/tmp"):
        real = os.path.realpath(place) if place else ""
        if 0 < len(real) <= MAX_BASE and os.path.isdir(real) and os.access(real, os.W_OK):
            return real
    raise Problem("neither /var/tmp nor /tmp can be written to on this node")


def memory():
    """For the key, which never comes to a disk where there is memory to be written to."""
    return "/dev/shm" if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK) else base()


def remove_left_over():
    """Of runs whose keeper had no time to do it: the node lost its power, or somebody killed everything."""
    for below in {base(), memory()}:
        for entry in os.scandir(below):
            if not entry.name.startswith(PREFIX) or not entry.is_dir(follow_symlinks=False):
                continue
            found = entry.stat(follow_symlinks=False)
            if found.st_uid == os.geteuid() and time.time() - found.st_mtime > YOUNG_SECONDS:
                try:
                    Folder(entry.path)
                except OSError:
                    continue
                shutil.rmtree(entry.path, ignore_errors=True)


# The worker


def work(parameters, until, umask, folders):
    answer = {**new_answer(), "python": platform.python_version()}
    for number in STOPPING:
        signal.signal(number, signal.SIG_DFL)
    try:
        adopt_orphans()
        step_back()
        check(parameters, until - reserve(until), umask, folders, answer)
    except BaseException as error:  # pylint: disable=broad-except
        answer["problem"] = problem_of(error)
    return answer


def check(parameters, until, umask, folders, answer):
    url, sha256, key, _ = parameters
    folder = folders[0].name
    opener = new_opener()
    packed = os.path.join(folder, "bundle.tar.gz")
    fetch(opener, url, sha256, packed)
    unpacked = os.path.join(folder, "bundle")
    os.mkdir(unpacked)
    unpack(packed, unpacked)
    os.unlink(packed)
    run, link, name = read_run(os.path.join(unpacked, "run.json"))
    playbook, answer["ansible"], python = find_core()
    answer["python"] = python or answer["python"]
    places = lay_out(folder, unpacked, os.path.join(folders[1].name, "key"), key, name)
    own_folder = os.path.join(home(), ".ansible")
    was_there = os.path.lexists(own_folder)
    answer["exit"], stderr, why = run_playbook(
        [playbook, *(fill(argument, places) for argument in run["arguments"])],
        environment_of(run, places, folder),
        fill(run["cwd"], places),
        places["events"],
        run["maxStreamBytes"],
        until,
        umask,
    )
    end_descendants()
    if not was_there:
        remove_empty(own_folder)
    answer["hint"] = why if why is not None else None if answer["exit"] == 0 else hint_of(stderr, run["hints"], places["source"])
    stream = read_stream(places["events"], run["maxStreamBytes"])
    hand_over(opener, link, stream)
    answer["sha256"], answer["size"] = hashlib.sha256(stream).hexdigest(), len(stream)


def remove_empty(folder):
    """What ansible-playbook before 2.14 makes at each start, whatever it is told."""
    try:
        os.rmdir(folder)
    except OSError:
        pass  # It is not there, or somebody uses it.


def read_run(name):
    """What is to be run, with this node's link and name."""
    try:
        with open(name, encoding="utf-8") as file:
            run = json.load(file)
        links, names = run["links"], run["names"]
        ours = (
            run["format"] == FORMAT
            and all(isinstance(text, str) for text in [run["cwd"], *run["arguments"], *run["environment"].values()])
            and all(isinstance(hint[part], str) for hint in run["hints"] for part in ("pattern", "text"))
            and 0 < run["maxStreamBytes"] <= MAX_STREAM_BYTES
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise malformed("its run.json cannot be read") from error
    if not ours:
        raise malformed("its run.json is of another kind")
    node = os.environ.get("AWS_SSM_INSTANCE_ID")
    if not node:
        raise Problem("the SSM agent did not say which node this is (AWS_SSM_INSTANCE_ID): bring it up to date")
    if node not in links or node not in names:
        raise Problem("the bundle has no link for this node, which was not there when it was packed: the next check has one")
    return run, links[node], names[node]


def lay_out(folder, unpacked, key_name, key, name):
    private = os.path.join(folder, "private")
    os.mkdir(private)
    os.mkdir(temporary_of(folder))
    own = {"all": {"hosts": {name: {"ansible_connection": "local"}}}}
    for place, text in (
        (os.path.join(private, "ansible.cfg"), ""),
        (os.path.join(private, "own.yml"), json.dumps(own)),
        (key_name, key),
    ):
        with open(place, "w", encoding="ascii") as file:
            file.write(text)
    return {
        "source": os.path.join(unpacked, "source"),
        "plugin": os.path.join(unpacked, "plugin"),
        "collections": os.path.join(unpacked, "collections"),
        "private": private,
        "events": os.path.join(private, "events.jsonl"),
        "secrets": os.path.join(unpacked, "secrets.yml"),
        "key": key_name,
        # Ansible opens it itself, with the key: in clear it is in memory only.
        "vaultPassword": os.path.join(unpacked, "vault-password.yml"),
        "inventory": os.path.join(unpacked, "inventory.yml"),
        "own": os.path.join(private, "own.yml"),
        "node": name,
    }


def temporary_of(folder):
    return os.path.join(folder, "tmp")


def fill(text, places):
    return PLACE.sub(lambda found: places[found.group(1)], text)


def environment_of(run, places, folder):
    """Ours comes last: temporary files of modules go with the folder, and the home is the user's own."""
    asked = {name: fill(value, places) for name, value in run["environment"].items()}
    return {**asked, **base_environment(), "TMPDIR": temporary_of(folder)}


if __name__ == "__main__":
    main()
