"""How SSM shows commands and their invocations."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from ministack.core.responses import get_region

from invocation import ENDED, SHOWN, Invocation, Plugin, shown
from refusals import Refused, page

if TYPE_CHECKING:
    from commands import Command

# Neither errors of the command nor, beside others that went well, a reason not to call it a success.
ASIDE = {"AccessDenied", "InvalidPlatform", "Undeliverable"}
NOTHING_SENT = {
    "ServiceRole": "",
    "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
    "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False},
}


def state(command: Command) -> tuple[str, str]:
    """Status and StatusDetails of a command, from those of its invocations."""
    found = command.invocations
    if found is None:
        return ("Cancelling", "Cancelling") if command.cancelled else ("Pending", "Pending")
    if command.denied:
        return "Failed", "AccessDenied"
    if not found:
        return "Success", "NoInstancesInTag"
    if not all(one.ended for one in found):
        if command.cancelled:
            return "Cancelling", "Cancelling"
        waiting = all(one.status == "Pending" for one in found)
        return ("Pending", "Pending") if waiting else ("InProgress", "InProgress")
    many = max(1, command.max_errors)
    count = Counter(one.details for one in found)
    if count["Failed"] >= many:
        return "Failed", "Failed"
    if count["ExecutionTimedOut"] >= many:
        return "TimedOut", "ExecutionTimedOut"
    if count["Cancelled"]:
        return "Cancelled", "Cancelled"
    if count["DeliveryTimedOut"] >= many:
        return "TimedOut", "DeliveryTimedOut"
    left = [one for one in found if one.details not in ASIDE]
    if not left:
        return "Failed", "Failed"
    return ("Success", "Success") if all(one.status == "Success" for one in left) else ("Failed", "Incomplete")


def command(one: Command) -> dict:
    found = one.invocations or []
    status, details = state(one)
    return {
        "CommandId": one.id,
        "DocumentName": one.data["DocumentName"],
        "DocumentVersion": one.data.get("DocumentVersion", "$DEFAULT"),
        "Comment": one.data.get("Comment", ""),
        "ExpiresAfter": one.expires,
        "Parameters": one.data.get("Parameters") or {},
        "InstanceIds": one.data.get("InstanceIds") or [],
        "Targets": one.data.get("Targets") or [],
        "RequestedDateTime": one.requested,
        "Status": status,
        "StatusDetails": details,
        "OutputS3Region": get_region(),
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
        "MaxConcurrency": one.data.get("MaxConcurrency") or "50",
        "MaxErrors": one.data.get("MaxErrors") or "0",
        "TargetCount": len(found) or len(one.data.get("InstanceIds") or []),
        "CompletedCount": sum(item.ended for item in found),
        "ErrorCount": sum(item.counts_as_error for item in found),
        "DeliveryTimedOutCount": sum(item.details == "DeliveryTimedOut" for item in found),
        "TimeoutSeconds": one.delivery,
        **NOTHING_SENT,
    }


def _plugin(plugin: Plugin) -> dict:
    times = {"ResponseStartDateTime": plugin.started, "ResponseFinishDateTime": plugin.ended}
    return {
        "Name": plugin.step.name,
        "Status": plugin.status,
        "StatusDetails": plugin.details,
        "ResponseCode": plugin.code,
        "Output": shown(plugin.out, plugin.error)[:SHOWN],
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "OutputS3Region": get_region(),
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
        **{name: at for name, at in times.items() if at},
    }


def _invocation(one: Command, item: Invocation, details: bool) -> dict:
    return {
        "CommandId": one.id,
        "InstanceId": item.node.id,
        "InstanceName": item.node.name,
        "Comment": one.data.get("Comment", ""),
        "DocumentName": one.data["DocumentName"],
        "DocumentVersion": one.data.get("DocumentVersion", "$DEFAULT"),
        "RequestedDateTime": item.requested,
        "Status": item.status,
        "StatusDetails": item.details,
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        # Before the agent has it there is nothing of it.
        "CommandPlugins": [_plugin(plugin) for plugin in item.plugins if plugin.started] if details else [],
        **NOTHING_SENT,
    }


def _fits(filters: list[dict], document: str, requested: float, status: str, details: str) -> bool:
    has = {"DocumentName": {document}, "Status": {status, details}}
    has["ExecutionStage"] = {"Complete" if status in ENDED else "Executing"}
    for one in filters:
        key, value = one["key"], one["value"]
        if key in ("InvokedAfter", "InvokedBefore"):
            at = datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
            if requested < at if key == "InvokedAfter" else requested > at:
                return False
        elif value not in has[key]:
            return False
    return True


def list_commands(commands: list[Command], data: dict) -> dict:
    filters = data.get("Filters") or []
    found = [
        one
        for one in sorted(commands, key=lambda one: -one.requested)
        if data.get("CommandId") in (None, one.id)
        and (not data.get("InstanceId") or _is_on(one, data["InstanceId"]))
        and _fits(filters, one.data["DocumentName"], one.requested, *state(one))
    ]
    part, more = page(found, data, 50)
    return {"Commands": [command(one) for one in part], **more}


def _is_on(one: Command, node_id: str) -> bool:
    return any(item.node.id == node_id for item in one.invocations or [])


def list_invocations(commands: list[Command], data: dict) -> dict:
    filters = data.get("Filters") or []
    if any(one["key"] == "ExecutionStage" for one in filters):
        raise Refused("InvalidFilterKey", "ExecutionStage is no filter of ListCommandInvocations.")
    found = [
        (one, item)
        for one in sorted(commands, key=lambda one: -one.requested)
        for item in one.invocations or []
        if data.get("CommandId") in (None, one.id)
        and data.get("InstanceId") in (None, item.node.id)
        and _fits(filters, one.data["DocumentName"], item.requested, item.status, item.details)
    ]
    part, more = page(found, data, 50)
    return {"CommandInvocations": [_invocation(one, item, data.get("Details", False)) for one, item in part], **more}


def invocation_of(one: Command | None, data: dict) -> dict:
    """GetCommandInvocation: more of the output than a list has."""
    items = [item for item in (one.invocations or [] if one else []) if item.node.id == data["InstanceId"]]
    if one is None or not items:
        raise Refused("InvocationDoesNotExist", "")
    item = items[0]
    wanted = data.get("PluginName")
    if wanted is None and len(item.plugins) > 1:
        raise Refused("InvalidPluginName", "The document has several steps: name one.")
    plugin = next((plugin for plugin in item.plugins if wanted in (None, plugin.step.name)), None)
    if plugin is None:
        raise Refused("InvalidPluginName", f"The document has no step {wanted}.")
    shape: dict[str, Any] = {
        "CommandId": one.id,
        "InstanceId": item.node.id,
        "Comment": one.data.get("Comment", ""),
        "DocumentName": one.data["DocumentName"],
        "DocumentVersion": one.data.get("DocumentVersion", "$DEFAULT"),
        "PluginName": plugin.step.name,
        "ResponseCode": plugin.code,
        "ExecutionStartDateTime": _written(plugin.started),
        "ExecutionElapsedTime": f"PT{max(0.0, plugin.ended - plugin.started):.3f}S",
        "ExecutionEndDateTime": _written(plugin.ended),
        "Status": item.status,
        "StatusDetails": item.details,
        "StandardOutputContent": plugin.out,
        "StandardOutputUrl": "",
        "StandardErrorContent": plugin.error,
        "StandardErrorUrl": "",
        "CloudWatchOutputConfig": NOTHING_SENT["CloudWatchOutputConfig"],
    }
    return shape


def _written(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at)) if at else ""
