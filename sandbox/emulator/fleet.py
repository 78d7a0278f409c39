"""Which nodes the account has, and what EC2 and SSM know of them."""

from __future__ import annotations

import json

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2, resource_groups, ssm

from node import Node

# What SSM still knows of an instance that is not running.
KNOWN_STATES = {"pending", "running", "stopping", "stopped"}
HYBRID = "mi-"
GROUP = "resource-groups:Name"

nodes: dict[str, Node] = {}


def tags_of(node: Node) -> dict[str, str]:
    if node.id.startswith(HYBRID):
        return dict(ssm._tags.get(node.id) or {})
    return {tag["Key"]: tag["Value"] for tag in ec2._tags.get(node.id) or []}


def state_of(node: Node) -> str:
    """What EC2 says of it; a hybrid machine is always said to run."""
    if node.id.startswith(HYBRID):
        return "running"
    instance = ec2._instances.get(node.id)
    return instance["State"]["Name"] if instance else "terminated"


def arn_of(node_id: str) -> str:
    """How IAM names a node, known or not."""
    if node_id.startswith(HYBRID):
        return f"arn:aws:ssm:{get_region()}:{get_account_id()}:managed-instance/{node_id}"
    return f"arn:aws:ec2:{get_region()}:{get_account_id()}:instance/{node_id}"


def group_arn(name: str) -> str:
    return f"arn:aws:resource-groups:{get_region()}:{get_account_id()}:group/{name}"


def groups_of(targets: list[dict]) -> list[str]:
    return [name for target in targets if target["Key"] == GROUP for name in target["Values"]]


def known() -> list[Node]:
    """The nodes that SSM knows, by their ids."""
    found = [node for node in nodes.values() if node.registered and state_of(node) in KNOWN_STATES]
    return sorted(found, key=lambda node: node.id)


def targeted(targets: list[dict]) -> list[Node]:
    """The nodes that fit every target, each by any of its values."""
    return [node for node in known() if all(_fits(node, target) for target in targets)]


def _fits(node: Node, target: dict) -> bool:
    key, values = target["Key"], target.get("Values") or []
    if key == "InstanceIds":
        return node.id in values
    if key == GROUP:
        return any(node.id in members_of(name) for name in values)
    tags = tags_of(node)
    return any(name in values for name in tags) if key == "tag-key" else tags.get(key.removeprefix("tag:")) in values


def members_of(group: str) -> list[str]:
    """Ids of the nodes of a resource group: those that were put into it, and those that its query finds."""
    return [arn.rsplit("/", 1)[-1] for arn in member_arns(group)]


def member_arns(group: str) -> list[str]:
    found = list(resource_groups._group_members.get(group) or [])
    query = resource_groups._group_queries.get(group) or {}
    if query.get("Type") != "TAG_FILTERS_1_0":
        return found
    wanted = json.loads(query["Query"])
    kinds = wanted.get("ResourceTypeFilters") or ["AWS::AllSupported"]
    for node in nodes.values():
        kind = "AWS::SSM::ManagedInstance" if node.id.startswith(HYBRID) else "AWS::EC2::Instance"
        tags = tags_of(node)
        fitting = all(
            one["Key"] in tags and (not one.get("Values") or tags[one["Key"]] in one["Values"])
            for one in wanted.get("TagFilters") or []
        )
        arn = arn_of(node.id)
        if fitting and ("AWS::AllSupported" in kinds or kind in kinds) and arn not in found:
            found.append(arn)
    return found
