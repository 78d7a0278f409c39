"""EventBridge: rate schedules fire at once, roles and function policies are asked, invocations are retried."""

from __future__ import annotations

import datetime
import json
import logging
import time

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import eventbridge, iam, lambda_svc, scheduler

from replace import replace

logger = logging.getLogger("sandbox.schedules")


def _fire_at_once(tick):
    """AWS: "If you do not provide a StartDate for a rate-based schedule, it starts invoking the target immediately"."""

    def ticked() -> None:
        for key, schedule in list(scheduler._schedules._data.items()):
            new = key not in scheduler._schedule_last_fired
            if new and not schedule.get("StartDate") and schedule.get("State") == "ENABLED":
                interval = eventbridge._parse_rate_seconds(schedule.get("ScheduleExpression", ""))
                if interval is not None:
                    scheduler._schedule_last_fired[key] = time.time() - interval
        tick()

    return ticked


def _as_role(invoke):
    """A schedule invokes with its role's rights, or its dead-letter queue gets the event."""

    def invoked(target: dict, event: dict, rule: dict, view=None) -> None:
        if event.get("Source") != "aws.scheduler":
            return invoke(target, event, rule, view)
        at = datetime.datetime.fromtimestamp(int(event["Time"]), tz=datetime.timezone.utc)
        filled = {
            "<aws.scheduler.scheduled-time>": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "<aws.scheduler.schedule-arn>": rule.get("Arn", ""),
            "<aws.scheduler.execution-id>": new_uuid(),
            "<aws.scheduler.attempt-number>": "1",
        }
        text = target.get("Input") or "{}"
        for name, value in filled.items():
            text = text.replace(name, value)
        if role_may(target.get("RoleArn", ""), "lambda:InvokeFunction", target["Arn"], "scheduler.amazonaws.com"):
            return invoke({**target, "Input": text}, event, rule, view)
        logger.warning("schedule %s: its role may not invoke %s", rule.get("Name"), target["Arn"])
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if queue and role_may(target.get("RoleArn", ""), "sqs:SendMessage", queue, "scheduler.amazonaws.com"):
            invoke({"Arn": queue, "Input": text}, event, rule, view)

    return invoked


def role_may(role_arn: str, action: str, resource: str, service: str) -> bool:
    name = role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get(name)
    if role is None or service not in json.dumps(role.get("AssumeRolePolicyDocument")):
        return False
    ctx = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=get_account_id(),
        action=action,
        resource_arn=resource,
        region=get_region(),
    )
    policies = iam_evaluator._gather_role_policies(name, get_account_id())
    return iam_evaluator.evaluate(ctx, policies).decision == "Allow"


def _asynchronous(_dispatch):
    """EventBridge and Scheduler invoke a function asynchronously: its retries and its failure destination count."""

    def dispatched(arn: str, payload: str) -> None:
        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            logger.warning("no function %s", name)
            return
        lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), json.loads(payload))

    return dispatched


def install() -> None:
    replace(scheduler, "_SCHEDULE_TICK_INTERVAL", lambda _: 1)
    replace(scheduler, "_tick_schedules", _fire_at_once)
    replace(eventbridge, "_invoke_target", _as_role)
    replace(eventbridge, "_dispatch_to_lambda", _asynchronous)
