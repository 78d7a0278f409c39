"""IAM as AWS evaluates it, where the emulator does not: policy variables and some services' own condition keys."""

from __future__ import annotations

import json
import re
from dataclasses import replace as with_changes
from typing import Any, Callable
from urllib.parse import parse_qs

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id

from refusals import Refused
from replace import replace

# Whether an action on a resource with these condition keys is allowed.
May = Callable[[str, str, dict[str, str]], bool]
VARIABLE = re.compile(r"\$\{([^}]+)\}")


def _expand(pattern: str, ctx: Any) -> str:
    """`${aws:userid}` and the like; an unknown variable matches nothing, as on AWS."""

    def value(match: re.Match) -> str:
        name = match.group(1)
        if name in ("*", "?", "$"):
            return name
        found = iam_evaluator._resolve_condition_key(name, ctx)
        return str(found) if isinstance(found, (str, int, float)) else "\0unknown"

    return VARIABLE.sub(value, pattern)


def _with_variables(first_match: Any) -> Any:
    def matched(ctx: Any, statements: list, effect: str) -> Any:
        expanded = []
        for statement in statements:
            if not any("${" in item for item in (*statement.resources, *statement.not_resources)):
                expanded.append(statement)
                continue
            expanded.append(
                with_changes(
                    statement,
                    resources=[_expand(item, ctx) for item in statement.resources],
                    not_resources=[_expand(item, ctx) for item in statement.not_resources],
                )
            )
        return first_match(ctx, expanded, effect)

    return matched


def _with_service_keys(tag_context: Any) -> Any:
    """Adds `cloudwatch:namespace`, `events:source` and `events:detail-type` to what a request carries."""

    def context(service: str, action: str, body: bytes, params: dict) -> dict:
        found = dict(tag_context(service, action, body, params))
        if action == "cloudwatch:PutMetricData":
            namespace = _decode(body).get("Namespace")
            if namespace:
                found["cloudwatch:namespace"] = namespace
        if action == "events:PutEvents":
            entries = _decode(body).get("Entries") or []
            # Each entry is authorised by itself; entries that differ are refused together here.
            for key, name in (("events:source", "Source"), ("events:detail-type", "DetailType")):
                values = sorted({str(entry.get(name, "")) for entry in entries})
                found[key] = values[0] if len(values) == 1 else values
        return found

    return context


def _decode(body: bytes) -> dict:
    if body[:1] == b"{":
        return json.loads(body)
    try:
        text = body.decode("ascii")
        return {key: values[0] for key, values in parse_qs(text).items()}
    except UnicodeDecodeError:
        import cbor2

        return cbor2.loads(body) or {}


def _with_conditional_write(object_context: Any) -> Any:
    """Adds `s3:if-none-match` and `s3:if-match` of a write."""

    def context(action: str, query: dict, path: str, headers: dict) -> dict:
        found = dict(object_context(action, query, path, headers))
        if action == "s3:PutObject":
            for name in ("if-none-match", "if-match"):
                if headers.get(name):
                    found[f"s3:{name}"] = headers[name]
        return found

    return context


def _with_log_streams(resource_arn: Any) -> Any:
    """Log streams have an ARN of their own below their group's; `log-group:name:*` covers it."""

    def extract(service: str, method: str, path: str, headers: dict, body: bytes, *rest: Any) -> str:
        found = resource_arn(service, method, path, headers, body, *rest)
        action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if service == "logs" and action in ("CreateLogStream", "PutLogEvents") and ":log-group:" in found:
            return f"{found}:log-stream:{json.loads(body).get('logStreamName', '')}"
        return found

    return extract


def _with_documents(resource_arn: Any) -> Any:
    """What is done to SSM documents, or with them, is asked of the document's ARN; tags of a machine of its own."""

    def extract(service: str, method: str, path: str, headers: dict, body: bytes, *rest: Any) -> str:
        action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if service == "ssm" and action == "ListTagsForResource":
            data = json.loads(body or b"{}")
            if data.get("ResourceType") == "ManagedInstance":
                return f"arn:aws:ssm:{get_region()}:{get_account_id()}:managed-instance/{data.get('ResourceId', '')}"
        if service != "ssm" or not (action == "SendCommand" or action.endswith("Document")):
            return resource_arn(service, method, path, headers, body, *rest)
        data = json.loads(body or b"{}")
        name = str(data.get("DocumentName") or data.get("Name") or "")
        owner = "" if name.startswith(("AWS-", "Amazon")) else get_account_id()
        return name if name.startswith("arn:") else f"arn:aws:ssm:{get_region()}:{owner}:document/{name}"

    return extract


def _with_groups(resource_arn: Any) -> Any:
    """The nodes of a resource group are asked of the group's ARN."""

    def extract(service: str, method: str, path: str, headers: dict, body: bytes, *rest: Any) -> str:
        if service != "resource-groups" or path != "/list-group-resources":
            return resource_arn(service, method, path, headers, body, *rest)
        data = json.loads(body or b"{}")
        name = str(data.get("Group") or data.get("GroupName") or "")
        return name if name.startswith("arn:") else f"arn:aws:resource-groups:{get_region()}:{get_account_id()}:group/{name}"

    return extract


class Caller:
    """Who makes a request, for what is to be asked besides the request itself."""

    def __init__(self, headers: dict, query: dict, region: str) -> None:
        self._key = extract_access_key_id(headers, query)
        self._region = region

    def may(self, action: str, arn: str, keys: dict[str, str]) -> bool:
        """Whether policies allow it on a resource with these condition keys."""
        return self._denied(action, arn, keys) is None

    def demand(self, action: str, arn: str, keys: dict[str, str]) -> None:
        """@raises Refused"""
        denied = self._denied(action, arn, keys)
        if denied is not None:
            who = getattr(denied, "principal_arn", "the caller")
            raise Refused("AccessDeniedException", f"User: {who} is not authorized to perform: {action} on resource: {arn}")

    def _denied(self, action: str, arn: str, keys: dict[str, str]) -> Any:
        return iam_evaluator.enforce(self._key, action, action.split(":")[0], self._region, arn, dict(keys))


def install() -> None:
    replace(iam_actions, "extract_resource_arn", _with_log_streams)
    replace(iam_actions, "extract_resource_arn", _with_documents)
    replace(iam_actions, "extract_resource_arn", _with_groups)
    replace(iam_evaluator, "_first_match", _with_variables)
    replace(iam_actions, "request_tag_context", _with_service_keys)
    replace(iam_actions, "_s3_object_context", _with_conditional_write)
