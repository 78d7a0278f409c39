"""CloudWatch alarms: by dimensions, with missing data, evaluated by a clock; actions that the topic must allow."""

from __future__ import annotations

import contextvars
import json
import logging
import threading
import time

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, new_uuid, set_request_account_id, set_request_region
from ministack.services import cloudwatch, kms, sns

import missing_data
from replace import replace

logger = logging.getLogger("sandbox.alarms")

EVALUATE_EVERY_SECONDS = 1.0
# A new alarm is looked at for the first time a moment after it was made, as on AWS.
FIRST_LOOK_SECONDS = 2.0

COMPARE = {
    "GreaterThanOrEqualToThreshold": lambda value, limit: value >= limit,
    "GreaterThanThreshold": lambda value, limit: value > limit,
    "LessThanThreshold": lambda value, limit: value < limit,
    "LessThanOrEqualToThreshold": lambda value, limit: value <= limit,
}
REGION_NAMES = {"eu-west-1": "EU (Ireland)", "us-east-1": "US East (N. Virginia)"}

_lock = threading.RLock()
_offset = 0.0
_created: dict[str, float] = {}


def advance(seconds: float) -> None:
    """Lets the alarms' clock run ahead: what takes 20 minutes need not be waited for."""
    global _offset
    with _lock:
        _offset += seconds


def now() -> float:
    return time.time() + _offset


def _points(alarm: dict, at: float) -> list[bool | None]:
    period = int(alarm.get("Period") or 60)
    count = int(alarm.get("EvaluationPeriods") or 1) + missing_data.EXTRA_PERIODS
    newest = int(at // period)
    wanted = {item["Name"]: item["Value"] for item in alarm.get("Dimensions") or []}
    buckets: dict[int, list[dict]] = {}
    for (namespace, name, _), points in list(cloudwatch._metrics.items()):
        if (namespace, name) != (alarm.get("Namespace"), alarm.get("MetricName")):
            continue
        for point in list(points):
            bucket = int(point["Timestamp"] // period)
            if newest - count < bucket <= newest and (point.get("Dimensions") or {}) == wanted:
                buckets.setdefault(bucket, []).append(point)
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    compare = COMPARE[alarm["ComparisonOperator"]]
    found: list[bool | None] = []
    for bucket in range(newest - count + 1, newest + 1):
        points = buckets.get(bucket)
        if not points:
            found.append(None)
            continue
        value = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
        found.append(compare(value, alarm.get("Threshold", 0)))
    return found


def _too_new(alarm: dict, at: float) -> bool:
    return at < _created.setdefault(alarm["AlarmArn"], at) + FIRST_LOOK_SECONDS


def _warming_up(alarm: dict, at: float) -> bool:
    warm_up = alarm.get("WarmUpConfiguration") or {}
    minutes = float(warm_up.get("WarmUpPeriodDurationInMinutes") or 0)
    return at < _created[alarm["AlarmArn"]] + minutes * 60


def _evaluate(alarm: dict) -> None:
    if not alarm.get("MetricName") or alarm.get("ComparisonOperator") not in COMPARE:
        return
    with _lock:
        at = now()
        if _too_new(alarm, at):
            return
        points = _points(alarm, at)
        evaluate = int(alarm.get("EvaluationPeriods") or 1)
        needed = int(alarm.get("DatapointsToAlarm") or evaluate)
        treat = alarm.get("TreatMissingData") or "missing"
        if _warming_up(alarm, at) and treat == "breaching":
            treat = "ignore"
        state = missing_data.state_of(points, evaluate, needed, treat)
        old = alarm["StateValue"]
        if state is None or state == old:
            return
        shown = ["-" if point is None else "X" if point else "0" for point in points]
        reason = f"Threshold Crossed: {' '.join(shown)} ({alarm['ComparisonOperator']} {alarm.get('Threshold')})"
        alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
        cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)


def _allowed(topic_arn: str, alarm_arn: str) -> bool:
    """CloudWatch publishes as a service: the topic's policy must let it, and the topic's own key too."""
    if not sns.topic_policy_allows(topic_arn, "cloudwatch.amazonaws.com", alarm_arn, get_account_id()):
        return False
    topic = sns._topic_by_arn_any_scope(topic_arn) or {}
    key = (topic.get("attributes") or {}).get("KmsMasterKeyId")
    return not key or _key_allows(key, alarm_arn)


def _key_allows(key: str, alarm_arn: str) -> bool:
    wanted = key.rsplit("/", 1)[-1]
    if wanted.startswith("aws"):
        return False  # The managed key's policy cannot be changed and does not name CloudWatch.
    for record in list(kms._keys.values()):
        if record.get("KeyId") != wanted and record.get("Arn") != key:
            continue
        policy = record.get("Policy") or record.get("_policy")
        actions = ("kms:Decrypt", "kms:GenerateDataKey")
        return all(
            iam_evaluator.evaluate_resource_policy(
                policy,
                iam_evaluator.EvalContext(
                    principal_arn="*",
                    principal_type="Service",
                    principal_account="",
                    action=action,
                    resource_arn=record.get("Arn", key),
                    region=get_region(),
                    service_context={"aws:sourcearn": alarm_arn, "aws:sourceaccount": get_account_id()},
                ),
                service="cloudwatch.amazonaws.com",
            ).decision
            == "Allow"
            for action in actions
        )
    return False


def _dispatch(alarm: dict, old: str, new: str, reason: str) -> None:
    if not alarm.get("ActionsEnabled", True):
        return
    field = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}[new]
    region = REGION_NAMES.get(get_region(), get_region())
    body = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": get_account_id(),
        "AlarmConfigurationUpdatedTimestamp": cloudwatch._ts_iso(alarm.get("AlarmConfigurationUpdatedTimestamp") or 0),
        "NewStateValue": new,
        "NewStateReason": reason,
        "StateChangeTime": cloudwatch._ts_iso(time.time()),
        "Region": region,
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": old,
        "OKActions": alarm.get("OKActions") or [],
        "AlarmActions": alarm.get("AlarmActions") or [],
        "InsufficientDataActions": alarm.get("InsufficientDataActions") or [],
        "Trigger": {
            "MetricName": alarm.get("MetricName"),
            "Namespace": alarm.get("Namespace"),
            "StatisticType": "Statistic",
            "Statistic": str(alarm.get("Statistic") or "").upper(),
            "Unit": alarm.get("Unit"),
            "Dimensions": [{"value": d["Value"], "name": d["Name"]} for d in alarm.get("Dimensions") or []],
            "Period": alarm.get("Period"),
            "EvaluationPeriods": alarm.get("EvaluationPeriods"),
            "ComparisonOperator": alarm.get("ComparisonOperator"),
            "Threshold": alarm.get("Threshold"),
            "TreatMissingData": alarm.get("TreatMissingData") or "missing",
        },
    }
    subject = f'{new}: "{alarm["AlarmName"]}" in {region}'[:100]
    for topic in alarm.get(field) or []:
        if not cloudwatch._is_sns_action_arn(topic):
            continue
        if not _allowed(topic, alarm["AlarmArn"]):
            why = f"Failed to execute action {topic}: CloudWatch Alarms is not authorized to perform SNS:Publish"
            logger.warning(why)
            cloudwatch._record_history(alarm["AlarmName"], new, new, why)
            continue
        sns._fanout(topic, new_uuid(), json.dumps(body), subject)


def _clock() -> None:
    # The service itself calls, and never in plain text.
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    while True:
        time.sleep(EVALUATE_EVERY_SECONDS)
        for (account, region, _), alarm in list(cloudwatch._alarms._data.items()):
            set_request_account_id(account)
            set_request_region(region)
            try:
                _evaluate(alarm)
            except Exception:
                logger.exception("alarm %s could not be evaluated", alarm.get("AlarmName"))


def install() -> None:
    replace(cloudwatch, "_evaluate_alarm", lambda _: _evaluate)
    replace(cloudwatch, "_dispatch_alarm_actions", lambda _: _dispatch)
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_clock,), daemon=True, name="sandbox-alarms").start()
