"""The account's nodes: EC2 instances and hybrid machines with real processes, as EC2 and SSM describe them."""

from __future__ import annotations

import contextvars
import json
import logging
import os
import secrets
import shutil
import time
from typing import Any, Callable
from xml.sax.saxutils import escape

from ministack.core.responses import get_region, set_request_account_id, set_request_region
from ministack.services import ec2, iam, resource_groups, ssm

import commands
import invocation
from credentials import RoleError, assume
from fleet import HYBRID, known, member_arns, nodes, tags_of
from metadata import Metadata
from node import Node, NodeError
from policies import Caller
from refusals import Refused, page
from replace import replace

logger = logging.getLogger("sandbox.nodes")

STATES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
AGENT_VERSION = "3.3.3050.0"
FILTERS = {"InstanceIds", "PingStatus", "PlatformTypes", "ResourceType", "AgentVersion", "tag-key"}

_services: dict[str, Metadata] = {}


def _in_account(ask: Callable[..., Any], *args: Any) -> Any:
    """Runs outside of a request as inside one of this account and region."""

    def asked() -> Any:
        set_request_account_id(os.environ["MINISTACK_ACCOUNT_ID"])
        set_request_region(os.environ["MINISTACK_REGION"])
        return ask(*args)

    return contextvars.copy_context().run(asked)


def _create(body: dict) -> dict:
    hybrid = body["id"] is None
    node = Node(body["id"] or f"{HYBRID}0{secrets.token_hex(8)}", body["name"], body["platform"], body["profile"])
    if hybrid:
        ssm._tags[node.id] = dict(body["tags"])
    else:
        instance = ec2._instances[node.id]
        instance["LaunchTime"] = _written(body["launchedAt"])
        if node.platform == "Windows":
            instance["Platform"] = "windows"
    node.registered_at = body["launchedAt"]
    node.environment = _environment(node)
    node.start()
    nodes[node.id] = node
    return {"id": node.id, "script": node.script}


def _environment(node: Node) -> dict[str, str]:
    """What the SSM agent gives to a script; the role's credentials are to be had where EC2 has them."""
    environment = {
        "AWS_SSM_INSTANCE_ID": node.id,
        "AWS_SSM_REGION_NAME": get_region(),
        "SSL_CERT_FILE": "/etc/ssl/sandbox-ca.pem",
        "LANG": "C.UTF-8",
    }
    if node.profile is None:
        return {**environment, "AWS_EC2_METADATA_DISABLED": "true"}
    profile = iam._instance_profiles[node.profile]
    facts = {
        "instance-id": node.id,
        "local-ipv4": ec2._instances[node.id]["PrivateIpAddress"],
        "placement/region": get_region(),
        "placement/availability-zone": f"{get_region()}a",
    }
    service = Metadata(facts, profile["Roles"][0], lambda: _credentials(node))
    _services[node.id] = service
    return {**environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url}


def _credentials(node: Node) -> dict:
    role = iam._roles[iam._instance_profiles[node.profile]["Roles"][0]]
    try:
        found = assume(role["Arn"], node.id, "ec2.amazonaws.com")
    except RoleError as error:
        return {"Code": "AssumeRoleUnauthorizedAccess", "Message": str(error)}
    return {"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": _written(time.time()), **found}


def _written(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def _set(body: dict) -> dict:
    node = nodes[body["id"]]
    state = dict(body)
    if "agent" in state:
        state["online"] = state.pop("agent") == "online"
    instance = ec2._instances.get(node.id)
    if "state" in state:
        if instance is None:
            raise NodeError(f"{node.name} is no EC2 instance: it has no such state")
        instance["State"] = {"Code": STATES[state["state"]], "Name": state["state"]}
    if "launchedAt" in state and instance is not None:
        instance["LaunchTime"] = _written(state["launchedAt"])
    node.set(state)
    return {}


def _tag(body: dict) -> dict:
    ssm._tags[body["id"]].update(body["tags"])
    return {}


def _shell(body: dict) -> dict:
    return nodes[body["id"]].ask("shell", command=body["command"], input=body["input"])


def _kill(body: dict) -> dict:
    nodes[body["id"]].kill()
    return {}


def _start(body: dict) -> dict:
    nodes[body["id"]].start()
    return {}


def _throttle(body: dict) -> dict:
    commands.throttle(body["action"], body["calls"], body["text"])
    return {}


def _clock(body: dict) -> dict:
    invocation.advance(body["seconds"])
    return {}


def _calls(_body: dict) -> dict:
    return commands.calls()


ACTIONS = {
    "calls": _calls,
    "create": _create,
    "set": _set,
    "tag": _tag,
    "shell": _shell,
    "kill": _kill,
    "start": _start,
    "throttle": _throttle,
    "clock": _clock,
}


def control(action: str, body: dict) -> tuple[int, dict]:
    """What the sandbox's owner does to nodes: `POST /nodes/<action>`."""
    if action not in ACTIONS:
        return 404, {"problem": f"nodes have no action {action}"}
    try:
        return 200, _in_account(ACTIONS[action], body)
    except NodeError as error:
        return 500, {"problem": str(error)}
    except Exception as error:  # said to whoever asked; the emulator's log has the rest
        logger.exception("nodes: %s", action)
        return 500, {"problem": f"{action}: {type(error).__name__}: {error}"}


def end_all() -> None:
    """Kills what runs: the account is being taken down."""
    for node in list(nodes.values()):
        node.kill()
        shutil.rmtree(node.dir, ignore_errors=True)


def describe(data: dict) -> dict:
    """DescribeInstanceInformation."""
    if data.get("Filters") and data.get("InstanceInformationFilterList"):
        raise Refused("ValidationException", "Filters and InstanceInformationFilterList cannot be used together")
    old = [{"Key": one["key"], "Values": one["valueSet"]} for one in data.get("InstanceInformationFilterList") or []]
    wanted = (data.get("Filters") or []) + old
    for one in wanted:
        if one["Key"] not in FILTERS and not one["Key"].startswith("tag:"):
            raise Refused("InvalidFilterKey", f"The filter key {one['Key']} is not valid, or not supported by this stand-in")
    found = [node for node in known() if all(_fits(node, one) for one in wanted)]
    part, token = page(found, data, 50)
    return {"InstanceInformationList": [_described(node) for node in part], **token}


def _fits(node: Node, wanted: dict) -> bool:
    key, values = wanted["Key"], wanted["Values"]
    tags = tags_of(node)
    if key.startswith("tag:"):
        return tags.get(key[4:]) in values
    has = {
        "InstanceIds": node.id,
        "PingStatus": "Online" if node.seen() else "ConnectionLost",
        "PlatformTypes": node.platform,
        "ResourceType": _kind(node),
        "AgentVersion": AGENT_VERSION,
    }
    return any(name in values for name in tags) if key == "tag-key" else has[key] in values


def _kind(node: Node) -> str:
    return "ManagedInstance" if node.id.startswith(HYBRID) else "EC2Instance"


def _described(node: Node) -> dict:
    windows = node.platform == "Windows"
    instance = ec2._instances.get(node.id) or {}
    hybrid = {"Name": node.name, "ActivationId": "0" * 36, "RegistrationDate": node.registered_at, "IamRole": "hybrid"}
    return {
        "InstanceId": node.id,
        "PingStatus": "Online" if node.seen() else "ConnectionLost",
        "LastPingDateTime": node.last_seen,
        "AgentVersion": AGENT_VERSION,
        "IsLatestVersion": True,
        "PlatformType": node.platform,
        "PlatformName": "Microsoft Windows Server 2022 Datacenter" if windows else "Debian GNU/Linux",
        "PlatformVersion": "10.0.20348" if windows else "12",
        "ResourceType": _kind(node),
        "IPAddress": instance.get("PrivateIpAddress", "192.0.2.1"),
        "ComputerName": node.name,
        **(hybrid if node.id.startswith(HYBRID) else {}),
    }


def _paged(original: Callable[[dict], tuple]) -> Callable[[dict], tuple]:
    """EC2 lists in pages when it is asked to, and refuses filters that it does not know."""
    served = {"instance-state-name", "instance-type", "image-id", "tag-key", "tag-value"}

    def described(params: dict) -> tuple:
        filters = ec2._parse_filters(params)
        named = filters.pop("instance-id", None)
        wrong = next((name for name in filters if name not in served and not name.startswith("tag:")), None)
        if wrong is not None:
            return ec2._error("InvalidParameterValue", f"The filter '{escape(wrong)}' is invalid", 400)
        limit = ec2._p(params, "MaxResults")
        if not limit:
            return original(params)
        if ec2._parse_member_list(params, "InstanceId"):
            message = "The parameter instancesSet cannot be used with the parameter maxResults"
            return ec2._error("InvalidParameterCombination", message, 400)
        if not limit.isdigit() or not 5 <= int(limit) <= 1000:
            return ec2._error("InvalidParameterValue", f"Value ( {escape(limit)} ) for parameter maxResults is invalid.", 400)
        start = ec2._p(params, "NextToken") or ""
        matching = [one["InstanceId"] for one in ec2._instances.values() if ec2._matches_filters(one, filters)]
        fitting = [name for name in matching if named is None or name in named]
        rest = sorted(name for name in fitting if name > start)
        if not rest:
            return ec2._xml(200, "DescribeInstancesResponse", "<reservationSet/>")
        part = rest[: int(limit)]
        status, headers, body = original({f"InstanceId.{number}": name for number, name in enumerate(part, 1)})
        token = f"<nextToken>{part[-1]}</nextToken>" if len(rest) > len(part) else ""
        text = body.decode() if isinstance(body, bytes) else body
        return status, headers, text.replace("</reservationSet>", f"</reservationSet>{token}").encode()

    return described


def _with_platform(instance_xml: Callable[[dict], str]) -> Callable[[dict], str]:
    def written(instance: dict) -> str:
        text = instance_xml(instance)
        platform = instance.get("Platform")
        return text.replace("<architecture>", f"<platform>{platform}</platform><architecture>") if platform else text

    return written


def _with_queries(listed: Callable[[dict], tuple]) -> Callable[[dict], tuple]:
    """A group by tags has the nodes that bear them."""

    def answered(data: dict) -> tuple:
        name = resource_groups._resolve_name(data.get("GroupName"), data.get("Group"))
        if name not in resource_groups._groups:
            return listed(data)
        own = resource_groups._group_members.get(name)
        resource_groups._group_members[name] = member_arns(name)
        try:
            return listed(data)
        finally:
            resource_groups._group_members[name] = own or []

    return answered


def _with_rights(handle: Callable[..., Any]) -> Callable[..., Any]:
    """AWS looks for what bears the tags of a group with the caller's own rights."""

    async def handled(method: str, path: str, headers: dict, body: bytes, query: dict) -> Any:
        group = json.loads(body or b"{}").get("Group") if path == "/list-group-resources" else None
        by_tags = (resource_groups._group_queries.get(group) or {}).get("Type") == "TAG_FILTERS_1_0"
        if by_tags and not Caller(headers, query, get_region()).may("tag:GetResources", "*", {}):
            message = "You are not authorized to perform: tag:GetResources, which a group by tags needs"
            return resource_groups._err("ForbiddenException", message, 403)
        return await handle(method, path, headers, body, query)

    return handled


def _with_types(type_of: Callable[[str], str]) -> Callable[[str], str]:
    return lambda arn: "AWS::SSM::ManagedInstance" if ":managed-instance/" in arn else type_of(arn)


def install() -> None:
    replace(ec2, "_describe_instances", _paged)
    ec2._ACTION_MAP["DescribeInstances"] = ec2._describe_instances
    replace(ec2, "_instance_xml", _with_platform)
    replace(resource_groups, "_list_group_resources", _with_queries)
    resource_groups._POST_ROUTES["/list-group-resources"] = resource_groups._list_group_resources
    replace(resource_groups, "_resource_type_from_arn", _with_types)
    replace(resource_groups, "handle_request", _with_rights)
    replace(ssm, "handle_request", commands.answering({"DescribeInstanceInformation": describe}))
