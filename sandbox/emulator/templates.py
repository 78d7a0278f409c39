"""CloudFormation, where the emulator differs from AWS: what a `Ref` gives, and properties that it forgets."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any, Callable

from ministack.core.responses import new_uuid
from ministack.services import cloudwatch, codebuild, sns
from ministack.services.cloudformation import provisioners

from replace import replace

SECRET = "AWS::SecretsManager::Secret"


def _name(arn: str) -> str:
    """The secret's name: its ARN without the six characters that Secrets Manager adds."""
    return arn.partition(":secret:")[2][:-7] if arn.startswith("arn:") else arn


def _ref_is_arn(handlers: dict) -> dict:
    secret = handlers[SECRET]
    create, update, delete = secret["create"], secret.get("update"), secret["delete"]

    def created(*args, **kwargs):
        _, attributes = create(*args, **kwargs)
        return attributes["Arn"], attributes

    def updated(physical_id, *args, **kwargs):
        _, attributes = update(_name(physical_id), *args, **kwargs)
        return attributes["Arn"], attributes

    changed = {**secret, "create": created, "delete": lambda physical_id, *args, **kw: delete(_name(physical_id), *args, **kw)}
    if update is not None:
        changed["update"] = updated
    return {**handlers, SECRET: changed}


def _keep_project(name: str, properties: dict) -> None:
    project = codebuild._projects[name]
    logs = (properties.get("LogsConfig") or {}).get("CloudWatchLogs") or {}
    project["logsConfig"] = {"cloudWatchLogs": {"status": logs.get("Status"), "groupName": logs.get("GroupName")}}
    if "ConcurrentBuildLimit" in properties:
        project["concurrentBuildLimit"] = int(properties["ConcurrentBuildLimit"])


def _keep_alarm(name: str, properties: dict) -> None:
    if "WarmUpConfiguration" in properties:
        cloudwatch._alarms[name]["WarmUpConfiguration"] = properties["WarmUpConfiguration"]


def _ask_to_confirm(arn: str, _properties: dict) -> None:
    """A subscription over HTTP is asked to confirm itself, also when a template made it."""
    topic = sns._sub_arn_to_topic.get(arn, "")
    subscription = sns._find_subscription(topic, arn)
    if subscription is None or subscription["confirmed"] or subscription.get("token"):
        return
    subscription["token"] = new_uuid()
    subscription["attributes"]["PendingConfirmation"] = "true"
    send = contextvars.copy_context().run
    confirmation = sns._send_subscription_confirmation(topic, subscription)
    threading.Thread(target=send, args=(asyncio.run, confirmation), daemon=True).start()


KEPT: dict[str, Callable[[str, dict], None]] = {
    "AWS::CodeBuild::Project": _keep_project,
    "AWS::CloudWatch::Alarm": _keep_alarm,
    "AWS::SNS::Subscription": _ask_to_confirm,
}


def _keeping(handlers: dict, keep: Callable[[str, dict], None]) -> dict:
    """Creates and updates as before, and stores what the emulator leaves out."""
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: dict, *args: Any, **kwargs: Any) -> Any:
        made = create(logical_id, properties, *args, **kwargs)
        keep(made[0], properties)
        return made

    def updated(physical_id: str, old: dict, new: dict, *args: Any, **kwargs: Any) -> Any:
        made = update(physical_id, old, new, *args, **kwargs)
        keep(made[0], new)
        return made

    return {**handlers, "create": created, "update": updated}


def _mended(handlers: dict) -> dict:
    """The same table, changed in place: other modules hold it."""
    handlers.update(_ref_is_arn(handlers))
    for kind, keep in KEPT.items():
        handlers[kind] = _keeping(handlers[kind], keep)
    return handlers


def install() -> None:
    replace(provisioners, "_RESOURCE_HANDLERS", _mended)
