"""SSM Run Command: documents of the account run on its nodes as real processes, with AWS's limits and refusals."""

from __future__ import annotations

import contextvars
import json
import threading
import time
import uuid
from typing import Any, Callable

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response

import command_views as views
import documents
import fleet
import policies
from command_document import Step, steps_of
from invocation import Invocation, clock
from refusals import Refused, check

DEFAULT_SECONDS = 3600
# The time between SendCommand's answer and the first invocation that a list shows.
RESOLVE_SECONDS = 0.3
TARGET_KEYS = {"InstanceIds", "tag-key", fleet.GROUP}
UNSUPPORTED = ("OutputS3BucketName", "OutputS3KeyPrefix", "OutputS3Region", "NotificationConfig", "ServiceRoleArn",
               "CloudWatchOutputConfig", "AlarmConfiguration")  # fmt: skip
MANY = 50

_commands: dict[str, Command] = {}
_throttled: dict[tuple[str, bytes], int] = {}
_counted: dict[str, int] = {}
_lock = threading.Lock()


class Command:
    """What was sent to some nodes, and what became of it on each."""

    def __init__(self, data: dict, document: dict, steps: list[Step], may: policies.May) -> None:
        self.id = str(uuid.uuid4())
        self.data = data
        self.document = document
        self.steps = steps
        self.requested = clock()
        self.delivery = data.get("TimeoutSeconds") or DEFAULT_SECONDS
        # AWS: the total is the delivery's time and the execution's.
        self.expires = self.requested + self.delivery + sum(step.seconds for step in steps)
        self.invocations: list[Invocation] | None = None
        self.cancelled = False
        # Who sends it may not see the resource group that it is for.
        self.denied = False
        self._may = may

    @property
    def max_errors(self) -> int:
        return _share(self.data.get("MaxErrors") or "0", len(self.invocations or []))

    def go(self) -> None:
        """Finds its nodes, and starts as many at once as it may, until there were too many errors."""
        time.sleep(RESOLVE_SECONDS)
        ids = self.data.get("InstanceIds")
        groups = fleet.groups_of(self.data.get("Targets") or [])
        self.denied = not all(self._may("resource-groups:ListGroupResources", fleet.group_arn(name), {}) for name in groups)
        if self.denied:
            self.invocations = []
            return
        found = [fleet.nodes[name] for name in ids] if ids else fleet.targeted(self.data["Targets"])
        limits = (self.requested + self.delivery, self.expires)
        self.invocations = [Invocation(self.id, node, self.steps, limits) for node in found]
        slots = threading.Semaphore(max(1, _share(self.data.get("MaxConcurrency") or str(MANY), len(found))))
        for invocation in self.invocations:
            slots.acquire()
            if self.cancelled:
                invocation.cancel()
            elif sum(one.counts_as_error for one in self.invocations) > self.max_errors:
                invocation.end("Cancelled", "Terminated")
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(self._one, invocation, slots), daemon=True).start()

    def cancel(self, ids: list[str]) -> None:
        self.cancelled = self.cancelled or not ids
        for invocation in self.invocations or []:
            if not ids or invocation.node.id in ids:
                invocation.cancel()

    def _one(self, invocation: Invocation, slots: threading.Semaphore) -> None:
        try:
            node = invocation.node
            if not self._may("ssm:SendCommand", fleet.arn_of(node.id), _keys(node.id)):
                invocation.end("Failed", "AccessDenied")
            elif node.platform not in self.document["PlatformTypes"]:
                invocation.end("Failed", "InvalidPlatform")
            elif fleet.state_of(node) not in ("running", "pending"):
                invocation.end("Failed", "Undeliverable")
            else:
                invocation.go()
        finally:
            slots.release()


def _share(written: str, total: int) -> int:
    """A number of nodes, or a share of them, rounded up."""
    return -(-total * int(written[:-1]) // 100) if written.endswith("%") else int(written)


def _send(data: dict, caller: policies.Caller) -> dict:
    ids, targets = data.get("InstanceIds") or [], data.get("Targets") or []
    if bool(ids) == bool(targets):
        raise Refused("ValidationException", "Either InstanceIds or Targets is required, not both.")
    odd = next((name for name in UNSUPPORTED if data.get(name)), None)
    if odd:
        raise Refused("ValidationException", f"{odd} is not supported by this stand-in")
    _check_targets(targets)
    named = [*ids, *(name for target in targets if target["Key"] == "InstanceIds" for name in target["Values"])]
    for name in named:
        caller.demand("ssm:SendCommand", fleet.arn_of(name), _keys(name))
    if len(set(ids)) < len(ids):
        raise Refused("DuplicateInstanceId", "An instance is named twice.")
    reachable = {node.id for node in fleet.known()}
    unknown = [name for name in named if name not in reachable]
    if unknown:
        raise Refused("InvalidInstanceId", f"Instances [{unknown}] not in a valid state for account {get_account_id()}")
    document = documents.find(data["DocumentName"], data)
    strangers = [name for name in ids if fleet.nodes[name].platform not in document["PlatformTypes"]]
    if strangers:
        raise Refused("UnsupportedPlatformType", f"The document is not for the platform of {strangers}.")
    steps = steps_of(document, data.get("Parameters") or {})
    # Asked when the targets are known: what is not allowed then is no error of the request.
    command = Command(data, document, steps, caller.may)
    _commands[command.id] = command
    answer = {"Command": views.command(command)}
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(command.go,), daemon=True, name=command.id).start()
    return answer


def _keys(node_id: str) -> dict[str, str]:
    """The tags of a node, as conditions name them; none where there is no such node."""
    node = fleet.nodes.get(node_id)
    tags = fleet.tags_of(node) if node else {}
    return {f"{prefix}/{key}": value for key, value in tags.items() for prefix in ("ssm:resourceTag", "aws:ResourceTag")}


def _check_targets(targets: list[dict]) -> None:
    for target in targets:
        key, values = target.get("Key"), target.get("Values") or []
        if not key or not values or not (key.startswith("tag:") or key in TARGET_KEYS):
            raise Refused("ValidationException", f"Target key {key} is not valid, has no values, or is not supported here.")
        if key == fleet.GROUP and (len(values) > 1 or len(targets) > 1):
            raise Refused("ValidationException", "One resource group, and no other target, can be given.")


def _cancel(data: dict, _caller: policies.Caller) -> dict:
    if data["CommandId"] not in _commands:
        raise Refused("InvalidCommandId", f"Command {data['CommandId']} does not exist.")
    _commands[data["CommandId"]].cancel(data.get("InstanceIds") or [])
    return {}


ACTIONS: dict[str, Callable[[dict, policies.Caller], dict]] = {
    "SendCommand": _send,
    "CancelCommand": _cancel,
    "ListCommands": lambda data, _: views.list_commands(list(_commands.values()), data),
    "ListCommandInvocations": lambda data, _: views.list_invocations(list(_commands.values()), data),
    "GetCommandInvocation": lambda data, _: views.invocation_of(_commands.get(data["CommandId"]), data),
}


def throttle(action: str, calls: int, text: str) -> None:
    """Lets the next calls of an action that hold a text be too many."""
    with _lock:
        _throttled[(action, text.encode())] = calls


def calls() -> dict[str, int]:
    """How often SSM was asked for each action."""
    with _lock:
        return dict(_counted)


def _is_throttled(action: str, body: bytes) -> bool:
    with _lock:
        _counted[action] = _counted.get(action, 0) + 1
        for (name, text), left in _throttled.items():
            if name == action and left > 0 and text in body:
                _throttled[(name, text)] = left - 1
                return True
        return False


def answering(more: dict[str, Callable[[dict], dict]]) -> Callable[[Any], Any]:
    """Makes the emulator's handler answer these actions as well as Run Command's."""
    actions = {**ACTIONS, **{name: lambda data, _, answer=answer: answer(data) for name, answer in more.items()}}

    def replaced(handle: Any) -> Any:
        async def handled(method: str, path: str, headers: dict, body: bytes, query: dict) -> Any:
            action = headers.get("x-amz-target", "").split(".")[-1]
            if _is_throttled(action, body):
                return error_response_json("ThrottlingException", "Rate exceeded", 400)
            if action not in actions:
                return await handle(method, path, headers, body, query)
            try:
                data = json.loads(body or b"{}")
                check("ssm", action, data)
                return json_response(actions[action](data, policies.Caller(headers, query, get_region())))
            except Refused as refused:
                return error_response_json(refused.code, str(refused), 400)

        return handled

    return replaced
