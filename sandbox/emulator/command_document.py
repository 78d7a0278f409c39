"""Command documents: their parameters as AWS checks them, and their steps with the values put in."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

from refusals import Refused

ACTION = "aws:runShellScript"
STEP_KEYS = {"name", "action", "inputs", "precondition"}
INPUT_KEYS = {"runCommand", "timeoutSeconds", "workingDirectory"}
DEFAULT_SECONDS = 3600
# Outside of these the agent takes its default.
SECONDS = range(5, 172_801)
MAX_BYTES = 64 * 1024
REFERENCE = re.compile(r"\{\{\s*([\w:./-]+)\s*\}\}")


@dataclass(frozen=True)
class Step:
    name: str
    script: str
    seconds: int
    folder: str
    """The platform that it is for; the agent skips it on others."""
    platform: str | None


def steps_of(document: dict, given: dict) -> list[Step]:
    """The steps of a document with these parameters. @raises Refused"""
    content = _content(document)
    if document["DocumentType"] != "Command":
        raise Refused("InvalidDocument", f"Document {document['Name']} is not a Command document.")
    if document["SchemaVersion"] != "2.2":
        raise Refused("InvalidDocument", f"schemaVersion {document['SchemaVersion']} is not run by this stand-in")
    values = _parameters(content.get("parameters") or {}, given)
    return [_step(step, values) for step in content["mainSteps"]]


def platforms_of(content: dict) -> list[str]:
    """The platforms that a document's actions exist on."""
    actions = {step.get("action") for step in content.get("mainSteps") or []}
    shell = ["Linux", "MacOS"] if ACTION in actions else []
    windows = ["Windows"] if "aws:runPowerShellScript" in actions else []
    return [*shell, *windows] or ["Linux", "MacOS", "Windows"]


def _content(document: dict) -> dict:
    text = document["Content"]
    return json.loads(text) if document["DocumentFormat"] == "JSON" else yaml.safe_load(text)


def _parameters(declared: dict, given: dict) -> dict[str, Any]:
    if len(json.dumps(given).encode()) > MAX_BYTES:
        raise Refused("InvalidParameters", "The parameters are larger than 64 KB.")
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise Refused("InvalidParameters", f"Parameter {unknown[0]} is not defined in the document.")
    return {name: _parameter(name, rule, given.get(name)) for name, rule in declared.items()}


def _parameter(name: str, rule: dict, given: list[str] | None) -> Any:
    kind = rule.get("type")
    if kind not in ("String", "StringList"):
        raise Refused("InvalidDocument", f"Parameter type {kind} is not supported by this stand-in.")
    if given is None:
        if "default" not in rule:
            raise Refused("InvalidParameters", f"Parameter {name} is required.")
        return rule["default"]
    if kind == "String" and len(given) != 1:
        raise Refused("InvalidParameters", f"Parameter {name} is of type String and takes one value.")
    if not rule.get("minItems", 0) <= len(given) <= rule.get("maxItems", len(given)):
        raise Refused("InvalidParameters", f"Parameter {name} has too few or too many values.")
    for value in given:
        if rule.get("allowedPattern") and not re.fullmatch(rule["allowedPattern"], value):
            raise Refused("InvalidParameters", f"Parameter {name} does not match pattern {rule['allowedPattern']}.")
        if rule.get("allowedValues") and value not in rule["allowedValues"]:
            raise Refused("InvalidParameters", f"Parameter {name} is not one of {rule['allowedValues']}.")
        if not rule.get("minChars", 0) <= len(value) <= rule.get("maxChars", len(value)):
            raise Refused("InvalidParameters", f"Parameter {name} is too short or too long.")
    return given[0] if kind == "String" else list(given)


def _step(step: dict, values: dict[str, Any]) -> Step:
    inputs = step.get("inputs") or {}
    odd = sorted((set(step) - STEP_KEYS) | (set(inputs) - INPUT_KEYS))
    if step.get("action") != ACTION or odd:
        what = odd[0] if odd else step.get("action")
        raise Refused("InvalidDocument", f"{what} in step {step.get('name')} is not supported by this stand-in.")
    commands = inputs.get("runCommand")
    lines = _filled(commands, values) if isinstance(commands, str) else [_text(line, values) for line in commands or []]
    written = _text(str(inputs.get("timeoutSeconds", DEFAULT_SECONDS)), values)
    seconds = int(written) if written.isdigit() and int(written) in SECONDS else DEFAULT_SECONDS
    folder = _text(str(inputs.get("workingDirectory", "")), values) or "/usr/bin"
    return Step(step["name"], "\n".join(lines) + "\n", seconds, folder, _platform(step.get("precondition")))


def _platform(precondition: dict | None) -> str | None:
    if precondition is None:
        return None
    pair = precondition.get("StringEquals")
    if set(precondition) != {"StringEquals"} or not isinstance(pair, list) or len(pair) != 2 or "platformType" not in pair:
        raise Refused("InvalidDocument", "A precondition compares platformType with StringEquals in this stand-in.")
    return next(item for item in pair if item != "platformType")


def _filled(text: str, values: dict[str, Any]) -> list[str]:
    """`{{ name }}` in the place of a whole list."""
    found = REFERENCE.fullmatch(text.strip())
    value = values.get(found.group(1)) if found else None
    return value if isinstance(value, list) else [_text(text, values)]


def _text(text: str, values: dict[str, Any]) -> str:
    def value(match: re.Match) -> str:
        name = match.group(1)
        if name not in values:
            raise Refused("InvalidDocument", f"{{{{ {name} }}}} is not a parameter of the document, or not supported here.")
        found = values[name]
        return found if isinstance(found, str) else json.dumps(found)

    return REFERENCE.sub(value, text)
