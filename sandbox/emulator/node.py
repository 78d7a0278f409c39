"""One node: its processes, its link to SSM, and what may be wrong with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

import node_root

START_SECONDS = 30
ENTER = """#!/bin/sh
# A shell on the node {name} ({id}), or the command that is given.
pid=$(cat '{pid}' 2>/dev/null) && [ -d "/proc/$pid" ] || {{ echo 'node {name} is not running' >&2; exit 1; }}
[ $# -gt 0 ] || set -- bash -i
exec nsenter --target "$pid" {user}--mount --uts --pid --root --wd env -i HOME=/root TERM="${{TERM:-dumb}}" \\
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
"""


class NodeError(Exception):
    """What was wanted of a node is not possible; the message says what is missing."""


class Died(NodeError):
    """The node is off, or went off over what was asked."""


class Node:
    """A machine. Windows nodes are only known: they have no processes."""

    def __init__(self, node_id: str, name: str, platform: str, profile: str | None) -> None:
        self.id = node_id
        self.name = name
        self.platform = platform
        self.profile = profile
        self.online = True
        self.registered = True
        self.registered_at = time.time()
        self.slow = 0.0
        self.dies: float | None = None
        self.last_seen = time.time()
        self.changed = threading.Condition()
        self.environment: dict[str, str] = {}
        self.dir = os.path.join(os.environ["SANDBOX_DIR"], "nodes", node_id)
        self.script = os.path.join(self.dir, "enter")
        self._process: subprocess.Popen | None = None
        self._lock = threading.Lock()
        self._answers: dict[int, _Call] = {}
        self._number = 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def seen(self) -> bool:
        """Whether SSM hears the agent now."""
        alive = self.online and (self.running or self.platform == "Windows")
        if alive:
            self.last_seen = time.time()
        return alive

    def start(self) -> None:
        """Switches it on. @raises NodeError that says what this machine lacks"""
        if self.running or self.platform == "Windows":
            return
        os.makedirs(self.dir, exist_ok=True)
        user = os.geteuid() != 0
        namespaces = ["--mount", "--uts", "--pid", "--fork", "--kill-child", *(["--map-root-user"] if user else [])]
        command = ["unshare", *namespaces, sys.executable, "-I", os.path.abspath(node_root.__file__), json.dumps(self._settings(user))]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/"
            )
        except FileNotFoundError as error:
            raise NodeError("nodes need unshare and mount, on Linux. On Debian: apt-get install util-linux mount") from error
        first = self._first()
        if not first.get("ready"):
            self.kill()
            raise NodeError(_missing(first.get("problem", ""), user))
        threading.Thread(target=self._drain, args=(self._process,), daemon=True).start()
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        self._write_script(user)
        self.ask("ansible", there=True)
        self._tell()

    def kill(self) -> None:
        """Its power goes off: every process of it is killed with the first one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        self._tell()

    def ask(self, operation: str, **request: Any) -> dict:
        """Has the node do something, and waits for its answer. @raises NodeError when it dies over it"""
        call = self._send(operation, request)
        call.ended.wait()
        if call.answer is None:
            raise Died(f"node {self.name} died")
        if "problem" in call.answer:
            raise NodeError(f"node {self.name}: {call.answer['problem']}")
        return call.answer

    def run(self, **request: Any) -> dict | None:
        """Runs a step of a command; null when the node died over it."""
        if self.dies is not None:
            late, self.dies = threading.Timer(self.dies, self.kill), None
            late.daemon = True
            late.start()
        try:
            return self.ask("run", **request)
        except Died:
            return None
        except NodeError as error:
            return {"exitCode": 1, "stdout": "", "stderr": f"failed to run commands: {error}\n"}

    def kill_command(self, name: str) -> None:
        try:
            self.ask("cancel", command=name)
        except Died:
            pass

    def set(self, state: dict) -> None:
        for name in ("online", "registered", "slow", "dies"):
            if name in state:
                setattr(self, name, state[name])
        if "python" in state:
            self.ask("python", there=state["python"])
        if "ansible" in state or "python" in state:
            self.ask("ansible", there=state.get("ansible", state.get("python", True)))
        if "diskFull" in state:
            self.ask("fill", full=state["diskFull"])
        self._tell()

    def _settings(self, user: bool) -> dict:
        needed = [sys.prefix] if sys.prefix != sys.base_prefix else []
        if os.path.realpath(sys.base_prefix).split("/")[1] not in node_root.LAYERED:
            needed.append(sys.base_prefix)
        return {
            "dir": self.dir,
            "hostname": self.name,
            "ca": os.environ["SSL_CERT_FILE"],
            "venv": sys.prefix,
            "readOnly": needed,
            "user": user,
        }

    def _write_script(self, user: bool) -> None:
        assert self._process is not None
        with open(f"/proc/{self._process.pid}/task/{self._process.pid}/children") as file:
            first = file.read().split()[0]
        pid = os.path.join(self.dir, "pid")
        with open(pid, "w") as file:
            file.write(first)
        with open(self.script, "w") as file:
            file.write(ENTER.format(name=self.name, id=self.id, pid=pid, user="--user --preserve-credentials " if user else ""))
        os.chmod(self.script, 0o755)

    def _first(self) -> dict:
        """What it says when its root is made; what `unshare` complains of when it is not."""
        process = self._process
        assert process is not None and process.stdout is not None and process.stderr is not None
        late = threading.Timer(START_SECONDS, process.kill)
        late.start()
        line = process.stdout.readline()
        late.cancel()
        return json.loads(line) if line else {"problem": process.stderr.read().strip() or "it did not start in time"}

    def _send(self, operation: str, request: dict) -> _Call:
        process = self._process
        if process is None or process.stdin is None:
            raise Died(f"node {self.name} is not running")
        with self._lock:
            self._number += 1
            call = _Call(process)
            self._answers[self._number] = call
            message = {"environment": self.environment, **request, "id": self._number, "op": operation}
            try:
                process.stdin.write(json.dumps(message) + "\n")
                process.stdin.flush()
            except OSError as error:
                raise Died(f"node {self.name} is not running") from error
        return call

    def _listen(self, process: subprocess.Popen) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            answer = json.loads(line)
            self._answers.pop(answer.pop("id")).end(answer)
        with self._lock:
            for number, call in list(self._answers.items()):
                if call.process is process:
                    self._answers.pop(number).end(None)
        self._tell()

    def _drain(self, process: subprocess.Popen) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            sys.stderr.write(f"node {self.name}: {line}")

    def _tell(self) -> None:
        with self.changed:
            self.changed.notify_all()


class _Call:
    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.ended = threading.Event()
        self.answer: dict | None = None

    def end(self, answer: dict | None) -> None:
        self.answer = answer
        self.ended.set()


def _missing(problem: str, user: bool) -> str:
    remedy = (
        "Allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or"
        " kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu), or run it as root"
        if user
        else "In a container, start it with --privileged"
    )
    return f"nodes need Linux with mount namespaces and overlayfs, which this machine refused: {problem}. {remedy}"
