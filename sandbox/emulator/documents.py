"""SSM documents: kept, described and given back, from a template or through the API, with AWS's limits."""

from __future__ import annotations

import hashlib
import json
import re
import time

import yaml
from ministack.core.responses import AccountRegionScopedDict, error_response_json, get_account_id, json_response
from ministack.services import ssm
from ministack.services.cloudformation import provisioners

from command_document import platforms_of
from refusals import Refused
from replace import replace

MAX_BYTES = 64 * 1024
NAME = re.compile(r"^[a-zA-Z0-9_\-.]{3,128}$")
KINDS = {"Command": {"1.2", "2.0", "2.2"}, "Automation": {"0.3"}}

_documents = AccountRegionScopedDict()


def _put(name: str, kind: str, form: str, content: str) -> dict:
    if not NAME.match(name) or name.lower().startswith(("aws", "amazon", "amzn")):
        raise Refused("ValidationException", f"Document name {name} is not allowed")
    if kind not in KINDS:
        raise Refused("ValidationException", f"document type {kind} is not supported by this stand-in")
    if len(content.encode()) > MAX_BYTES:
        raise Refused("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB")
    try:
        parsed = json.loads(content) if form == "JSON" else yaml.safe_load(content)
    except (ValueError, yaml.YAMLError) as error:
        raise Refused("InvalidDocumentContent", f"not {form}: {error}") from error
    version = str(parsed.get("schemaVersion")) if isinstance(parsed, dict) else None
    if version not in KINDS[kind] or "mainSteps" not in parsed:
        raise Refused("InvalidDocumentContent", f"schemaVersion {version} with mainSteps is not one of a {kind} document")
    before = _documents.get(name)
    document = {
        "Name": name,
        "DocumentType": kind,
        "DocumentFormat": form,
        "SchemaVersion": version,
        "Content": content,
        "DocumentVersion": str(int(before["DocumentVersion"]) + 1) if before else "1",
        "Status": "Active",
        "Owner": get_account_id(),
        "CreatedDate": int(time.time()),
        "Hash": hashlib.sha256(content.encode()).hexdigest(),
        "HashType": "Sha256",
        "PlatformTypes": platforms_of(parsed),
    }
    _documents[name] = document
    return document


def find(name: str, wanted: dict) -> dict:
    """The document that a command names, of this version and hash. @raises Refused"""
    name = name.rsplit("document/", 1)[-1]
    document = _documents.get(name)
    if document is None:
        raise Refused("InvalidDocument", f"Document with name {name} does not exist.")
    version = wanted.get("DocumentVersion", "$DEFAULT")
    # Only the newest is kept, which a template makes the default.
    if version not in ("$DEFAULT", "$LATEST", document["DocumentVersion"]):
        raise Refused("InvalidDocumentVersion", f"Document {name} has no version {version}.")
    if wanted.get("DocumentHash") not in (None, document["Hash"]):
        raise Refused("InvalidDocument", f"The hash of document {name} is another one.")
    return document


def _described(document: dict) -> dict:
    return {key: value for key, value in document.items() if key != "Content"}


def _answer(action: str, data: dict):
    name = str(data.get("Name", "")).rsplit("document/", 1)[-1]
    if action == "CreateDocument":
        if name in _documents:
            raise Refused("DocumentAlreadyExists", f"The document {name} exists already")
        made = _put(name, data.get("DocumentType", "Command"), data.get("DocumentFormat", "JSON"), data.get("Content", ""))
        return {"DocumentDescription": _described(made)}
    if name not in _documents:
        raise Refused("InvalidDocument", f"Document with name {name} does not exist.")
    document = _documents[name]
    if action == "GetDocument":
        keys = ("Name", "Content", "DocumentType", "DocumentFormat", "DocumentVersion", "Status")
        return {key: document[key] for key in keys}
    if action == "DescribeDocument":
        return {"Document": _described(document)}
    _documents.pop(name)
    return {}


def _with_documents(handle):
    async def handled(method, path, headers, body, query):
        action = headers.get("x-amz-target", "").split(".")[-1]
        if action not in ("CreateDocument", "GetDocument", "DescribeDocument", "DeleteDocument"):
            return await handle(method, path, headers, body, query)
        try:
            return json_response(_answer(action, json.loads(body or b"{}")))
        except Refused as refused:
            return error_response_json(refused.code, str(refused), 400)

    return handled


def _make(logical_id: str, properties: dict, stack: str, name: str | None = None):
    content = properties.get("Content")
    text = content if isinstance(content, str) else json.dumps(content)
    name = name or properties.get("Name") or f"{stack}-{logical_id}"
    form = properties.get("DocumentFormat", "JSON") if isinstance(content, str) else "JSON"
    _put(name, properties.get("DocumentType", "Command"), form, text)
    return name, {}


def _with_template(handlers: dict) -> dict:
    handlers["AWS::SSM::Document"] = {
        "create": _make,
        "update": lambda name, _old, new, stack: _make("", new, stack, name),
        "delete": lambda name, _properties: _documents.pop(name, None),
    }
    return handlers


def install() -> None:
    replace(ssm, "handle_request", _with_documents)
    replace(provisioners, "_RESOURCE_HANDLERS", _with_template)
