"""What AWS refuses: requests that its own model of a service does not allow, and wrong page tokens."""

from __future__ import annotations

import base64
import re
from functools import cache
from typing import Any

import botocore.session

KINDS = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "timestamp": (int, float, str),
}


class Refused(ValueError):
    """What AWS would refuse; `code` is its error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def check(service: str, action: str, data: Any) -> None:
    """Compares a request with AWS's model of the action. @raises Refused"""
    _value(_model(service).operation_model(action).input_shape, data, "")


def _wrong(value: Any, place: str, constraint: str) -> Refused:
    text = f"1 validation error detected: Value '{str(value)[:200]}' at '{place}' failed to satisfy constraint: {constraint}"
    return Refused("ValidationException", text)


def _value(shape: Any, value: Any, place: str) -> None:
    kind = KINDS.get(shape.type_name)
    if kind is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        raise Refused("SerializationException", f"{place or 'The request'} is not of type {shape.type_name}")
    limits = shape.metadata
    size = value if kind is int else len(value) if isinstance(value, (str, list, dict)) else None
    said = "Member must have" if kind is int else "Member must have length"
    if "min" in limits and size is not None and size < limits["min"]:
        raise _wrong(value, place, f"{said} greater than or equal to {limits['min']}")
    if "max" in limits and size is not None and size > limits["max"]:
        raise _wrong(value, place, f"{said} less than or equal to {limits['max']}")
    if shape.type_name == "string":
        if limits.get("enum") and value not in limits["enum"]:
            raise _wrong(value, place, f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]")
        if limits.get("pattern") and not _matches(limits["pattern"], value):
            raise _wrong(value, place, f"Member must satisfy regular expression pattern: {limits['pattern']}")
    if shape.type_name == "structure":
        _members(shape, value, place)
    if shape.type_name == "list":
        for number, item in enumerate(value, 1):
            _value(shape.member, item, f"{place}.{number}.member")
    if shape.type_name == "map":
        for key, item in value.items():
            _value(shape.key, key, place)
            _value(shape.value, item, f"{place}.{key}")


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True  # Java's own classes, `\\p{L}`; they only keep control characters out


def _members(shape: Any, value: dict, place: str) -> None:
    unknown = sorted(set(value) - set(shape.members))
    if unknown:
        raise Refused("ValidationException", f"{place or 'The request'} has an unknown member {unknown[0]}")
    for name in shape.required_members:
        if value.get(name) is None:
            raise _wrong("null", f"{place}.{_camel(name)}".lstrip("."), "Member must not be null")
    for name, item in value.items():
        if item is not None:
            _value(shape.members[name], item, f"{place}.{_camel(name)}".lstrip("."))


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def page(found: list, data: dict, default: int) -> tuple[list, dict]:
    """One page of a list, and the member that leads to the next one. @raises Refused"""
    limit = data.get("MaxResults") or default
    token = data.get("NextToken")
    try:
        start = int(base64.b64decode(token, validate=True).decode().removeprefix("page ")) if token else 0
    except ValueError as error:
        raise Refused("InvalidNextToken", "The specified token is not valid.") from error
    rest = start + limit
    more = {"NextToken": base64.b64encode(f"page {rest}".encode()).decode()} if rest < len(found) else {}
    return found[start:rest], more
