"""EKS: clusters that run on this machine are described, and access entries come from templates, with AWS's limits."""

from __future__ import annotations

import contextvars
import json
import os
import re
import time
from typing import Any, Callable
from urllib.parse import parse_qs, urlsplit

from ministack.core.responses import get_account_id, set_request_account_id, set_request_region
from ministack.services import eks
from ministack.services.cloudformation import provisioners

from replace import replace

PRINCIPAL = re.compile(r"^arn:aws:iam::\d{12}:(role|user)/[\w+=,.@/-]+$")
PROPERTIES = {"ClusterName", "PrincipalArn", "KubernetesGroups", "Type", "Username", "Tags", "AccessPolicies"}
TYPES = {"STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX"}
MAX_GROUPS = 50


class Refused(ValueError):
    """What AWS would refuse."""


def _in_account(ask: Callable[..., Any], *args: Any) -> Any:
    """Runs outside of a request as inside one of this account and region."""

    def asked() -> Any:
        set_request_account_id(os.environ["MINISTACK_ACCOUNT_ID"])
        set_request_region(os.environ["MINISTACK_REGION"])
        return ask(*args)

    return contextvars.copy_context().run(asked)


def _describe(name: str, endpoint: str, authority: str, version: str) -> None:
    eks._clusters[name] = {
        "name": name,
        "arn": eks._cluster_arn(name),
        "createdAt": time.time(),
        "version": version,
        "endpoint": endpoint,
        "roleArn": f"arn:aws:iam::{get_account_id()}:role/eks-{name}",
        "resourcesVpcConfig": {
            "subnetIds": [],
            "securityGroupIds": [],
            "vpcId": "vpc-00000000",
            "endpointPublicAccess": True,
            "endpointPrivateAccess": False,
            "publicAccessCidrs": ["0.0.0.0/0"],
        },
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.96.0.0/16", "ipFamily": "ipv4"},
        "status": "ACTIVE",
        "certificateAuthority": {"data": authority},
        "platformVersion": "eks.1",
        "accessConfig": {"authenticationMode": "API"},
        "tags": {},
    }


def _entry_of(cluster: str, principal: str) -> dict | None:
    """The entry of a role, found by its name: a session's ARN does not tell the role's path."""
    account, role = principal.split(":")[4], principal.rsplit("/", 1)[-1]
    for key, entry in eks._access_entries.items():
        owner, arn = key.split("\x00", 1)
        if owner != cluster or arn.split(":")[4] != account or arn.rsplit("/", 1)[-1] != role:
            continue
        username = entry["username"] or f"arn:aws:sts::{account}:assumed-role/{role}/{{{{SessionName}}}}"
        return {"username": username, "groups": entry["kubernetesGroups"]}
    return None


def register(body: dict) -> None:
    """A cluster of this machine, as `DescribeCluster` is to answer it."""
    _in_account(_describe, body["name"], body["endpoint"], body["certificateAuthority"], body["version"])


def access_entry(path: str) -> dict | None:
    """Who a role is in a cluster: `?cluster=<name>&principal=<ARN>`."""
    asked = parse_qs(urlsplit(path).query)
    return _in_account(_entry_of, asked["cluster"][0], asked["principal"][0])


def _tags(properties: dict) -> dict:
    return {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags") or []}


def _check(properties: dict) -> None:
    unknown = sorted(set(properties) - PROPERTIES)
    if unknown:
        raise Refused(f"extraneous key [{unknown[0]}] is not permitted")
    for name in ("ClusterName", "PrincipalArn"):
        if not properties.get(name):
            raise Refused(f"required key [{name}] not found")
    if not PRINCIPAL.match(properties["PrincipalArn"]):
        raise Refused(f"The specified principalArn is invalid: invalid principal {properties['PrincipalArn']}.")
    kind = properties.get("Type", "STANDARD")
    if kind not in TYPES:
        raise Refused(f"{kind} is not a valid enum value of Type")
    groups = properties.get("KubernetesGroups") or []
    if kind != "STANDARD" and (groups or properties.get("Username")):
        raise Refused(f"kubernetesGroups and username cannot be set for an access entry of type {kind}.")
    if len(groups) > MAX_GROUPS or any(not isinstance(group, str) or not group for group in groups):
        raise Refused("KubernetesGroups is invalid.")
    reserved = ("system:", "eks:", "aws:", "amazon:", "iam:")
    wrong = next((group for group in groups if group.startswith(reserved)), None)
    if wrong is not None:
        raise Refused(f"The kubernetes group name {wrong} is invalid, it cannot start with {wrong.split(':')[0]}:")
    if str(properties.get("Username", "")).startswith(reserved):
        raise Refused("The username is invalid, it cannot start with system:, eks:, aws:, amazon: or iam:")
    if properties.get("AccessPolicies"):
        raise Refused("AccessPolicies are not supported by this stand-in: give the groups rights with RBAC")


def _said(answer: tuple) -> None:
    if answer[0] >= 400:
        body = answer[2]
        raise Refused(json.loads(body).get("message", str(body)))


def _body(properties: dict) -> dict:
    return {
        "principalArn": properties["PrincipalArn"],
        "kubernetesGroups": list(properties.get("KubernetesGroups") or []),
        "type": properties.get("Type", "STANDARD"),
        "username": properties.get("Username", ""),
        "tags": _tags(properties),
    }


def _created(_logical_id: str, properties: dict, _stack: str, *_: Any, **__: Any) -> tuple:
    _check(properties)
    cluster, principal = properties["ClusterName"], properties["PrincipalArn"]
    _said(eks._create_access_entry(cluster, _body(properties)))
    return f"{principal}|{cluster}", {"AccessEntryArn": eks._access_entry_arn(cluster, principal)}


def _updated(physical_id: str, old: dict, new: dict, stack: str, *_: Any, **__: Any) -> tuple:
    _check(new)
    fixed = ("ClusterName", "PrincipalArn", "Type")
    if any(old.get(key) != new.get(key) for key in fixed):
        # Another entry: the engine deletes the old one when all is well.
        return _created("", new, stack)
    cluster, principal = new["ClusterName"], new["PrincipalArn"]
    _said(eks._update_access_entry(cluster, principal, _body(new)))
    return physical_id, {"AccessEntryArn": eks._access_entry_arn(cluster, principal)}


def _deleted(physical_id: str, _properties: dict, *_: Any, **__: Any) -> None:
    principal, _, cluster = physical_id.partition("|")
    eks._delete_access_entry(cluster, principal)


def _with_entries(handlers: dict) -> dict:
    handlers["AWS::EKS::AccessEntry"] = {"create": _created, "update": _updated, "delete": _deleted}
    return handlers


def install() -> None:
    replace(provisioners, "_RESOURCE_HANDLERS", _with_entries)
    # What this stand-in builds on; said now and not in the middle of a test.
    for name in ("_clusters", "_access_entries", "_create_access_entry", "_update_access_entry", "_delete_access_entry"):
        replace(eks, name, lambda part: part)
