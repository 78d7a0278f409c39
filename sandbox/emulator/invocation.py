"""A command on one node: delivery, its steps one after the other, time limits, cancelling."""

from __future__ import annotations

import threading
import time
from typing import Callable

from command_document import Step
from node import Node

SHOWN = 2_500
# What the agent sends of a plugin's output, and how it says that there was more.
SENT = 2_400
ERROR_TITLE = "\n----------ERROR-------\n"
OUT_CUT = "\n---Output truncated---"
ERROR_CUT = "\n---Error truncated----"
ENDED = {"Success", "Failed", "TimedOut", "Cancelled"}

_ahead = 0.0


def clock() -> float:
    """The time of delivery and execution limits."""
    return time.time() + _ahead


def advance(seconds: float) -> None:
    global _ahead
    _ahead += seconds


def shown(out: str, error: str) -> str:
    """What a list of invocations holds of a plugin's output: the beginning of both streams."""
    title = ERROR_TITLE if error else ""
    space = SENT - len(title)
    if len(out) + len(error) < space:
        return out + title + error
    if len(out) > space // 2 and len(error) > space // 2:
        half = (space - len(OUT_CUT) - len(ERROR_CUT)) // 2
        return out[:half] + OUT_CUT + title + error[:half] + ERROR_CUT
    if len(out) <= space // 2:
        return out + title + error[: space - len(ERROR_CUT) - len(out)] + ERROR_CUT
    return out[: space - len(OUT_CUT) - len(error)] + OUT_CUT + title + error


class Plugin:
    """One step of it."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.status = self.details = "Pending"
        self.code = -1
        self.out = self.error = ""
        self.started = self.ended = 0.0

    def end(self, status: str, details: str, code: int) -> None:
        self.status, self.details, self.code = status, details, code
        self.ended = time.time()


class Invocation:
    def __init__(self, command_id: str, node: Node, steps: list[Step], limits: tuple[float, float]) -> None:
        self.command_id = command_id
        self.node = node
        self.plugins = [Plugin(step) for step in steps]
        self.requested = time.time()
        self.status = self.details = "Pending"
        self._start_before, self._end_before = limits
        self._cancelled = threading.Event()
        self._lock = threading.Lock()

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def counts_as_error(self) -> bool:
        return self.details in ("Failed", "ExecutionTimedOut")

    def end(self, status: str, details: str) -> None:
        with self._lock:
            if self.ended:
                return
            for plugin in self.plugins:
                if plugin.status not in ENDED:
                    plugin.end(status, details, plugin.code)
            self.status, self.details = status, details
        self._tell()

    def cancel(self) -> None:
        with self._lock:
            if self.ended:
                return
            waiting = self.status == "Pending"
            if not waiting:
                self.status = self.details = "Cancelling"
        if waiting:
            self.end("Cancelled", "Cancelled")
        self._cancelled.set()
        self._tell()

    def go(self) -> None:
        """From its delivery to its end, whatever happens to the node."""
        if not self._delivered():
            return
        with self._lock:
            if self.ended:
                return
            if self.status == "Pending":
                self.status = self.details = "InProgress"
        well = True
        for plugin in self.plugins:
            well = self._plugin(plugin) and well
            if self.ended:
                return
        # Its answer arrives when the agent is there to give it; until then SSM knows nothing.
        if not self._until(self.node.seen):
            return
        self.end("Success", "Success") if well else self.end("Failed", "Failed")

    def _delivered(self) -> bool:
        def there() -> bool:
            return self.node.seen() and clock() < self._start_before

        return self._until(there)

    def _plugin(self, plugin: Plugin) -> bool:
        step = plugin.step
        plugin.started = time.time()
        if step.platform not in (None, self.node.platform):
            plugin.end("Success", "Success", 0)
            plugin.out = (
                f"Step execution skipped due to unsatisfied preconditions: "
                f"'\"StringEquals\": [platformType, {step.platform}]'. Step name: {step.name}"
            )
            return True
        plugin.status = plugin.details = "InProgress"
        latest = clock() + step.seconds
        if self._until(lambda: self._cancelled.is_set() or clock() >= latest, self.node.slow) is None:
            return False
        answer = None if self._cancelled.is_set() else self._run(plugin, latest)
        if answer is None and not self._cancelled.is_set():
            # The node died over it: nobody will ever answer, so the command expires.
            self._until(lambda: False)
            return False
        if not self._until(self.node.seen):
            return False
        if answer is not None:
            plugin.out, plugin.error = answer["stdout"], answer["stderr"]
        if self._cancelled.is_set():
            plugin.end("Cancelled", "Cancelled", -1)
            self.end("Cancelled", "Cancelled")
            return False
        if answer["exitCode"] is None:
            plugin.end("TimedOut", "ExecutionTimedOut", -1)
            self.end("TimedOut", "ExecutionTimedOut")
            return False
        well = answer["exitCode"] == 0
        said = "Success" if well else "Failed"
        plugin.end(said, said, answer["exitCode"])
        return well

    def _run(self, plugin: Plugin, latest: float) -> dict | None:
        """The node's answer, with no exit code when the time was over; null when the node died."""
        name = f"{self.command_id}/{plugin.step.name}"
        found: list[dict | None] = []
        over = False

        def run() -> None:
            folder = f"/var/lib/amazon/ssm/{self.node.id}/document/orchestration/{name}"
            found.append(self.node.run(command=name, script=plugin.step.script, folder=folder, cwd=plugin.step.folder))
            self._tell()

        threading.Thread(target=run, daemon=True).start()
        while not found:
            over = over or clock() >= latest
            if over or self._cancelled.is_set():
                self.node.kill_command(name)
            self._wait()
        answer = found[0]
        return {**answer, "exitCode": None} if answer is not None and over else answer

    def _until(self, holds: Callable[[], bool], seconds: float | None = None) -> bool | None:
        """
        Waits for it, at most for so long; false when that time is over. Null when the command was cancelled before
        it reached the node, or has expired.
        """
        end = None if seconds is None else time.time() + seconds
        while not holds():
            if self.ended:
                return None
            if clock() >= self._end_before:
                self.end("TimedOut", "DeliveryTimedOut")
                return None
            if end is not None and time.time() >= end:
                return False
            self._wait()
        return True

    def _wait(self) -> None:
        with self.node.changed:
            self.node.changed.wait(0.1)

    def _tell(self) -> None:
        with self.node.changed:
            self.node.changed.notify_all()
