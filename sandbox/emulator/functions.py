"""Lambda, where the emulator differs from AWS: what a function's process finds, and how its failure is passed on."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
import zipfile
from types import SimpleNamespace

from ministack.core import lambda_runtime
from ministack.core.arn import parse_arn
from ministack.core.responses import new_uuid
from ministack.services import lambda_svc

from replace import replace
from schedules import role_may

logger = logging.getLogger("sandbox.functions")

# What AWS' runtime has on its PATH and a function may count on. All else comes from its layers: a tool of this
# machine must not stand in for one that is missing there.
TOOLS = ("node", "python3", "sh", "env")
ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}


def _tools() -> str:
    folder = os.path.join(os.environ["SANDBOX_DIR"], "function-bin")
    os.makedirs(folder, exist_ok=True)
    for tool in TOOLS:
        found, link = shutil.which(tool), os.path.join(folder, tool)
        if found and not os.path.lexists(link):
            os.symlink(found, link)
    return folder


def _executables(layer: str) -> list[str]:
    """Gives a layer's files their modes back, as AWS keeps them. Returns its folders that hold programs."""
    with zipfile.ZipFile(f"{layer}.zip") as archive:
        entries = [(entry.filename, (entry.external_attr >> 16) & 0o777) for entry in archive.infolist() if not entry.is_dir()]
    for name, mode in entries:
        if mode:
            os.chmod(os.path.join(layer, name), mode)
    # `/opt/bin` is on the PATH; the kubectl layer has a folder for each program, which its users name.
    return sorted({os.path.join(layer, os.path.dirname(name)) for name, mode in entries if mode & 0o111})


def _started(module):
    """The module's `subprocess`, whose processes see their layers and nothing of this machine."""

    def popen(command, *args, env=None, **kwargs):
        if env is not None and "_LAMBDA_FUNCTION_ARN" in env:
            layers = [layer for layer in env.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep) if layer]
            folders = [folder for layer in layers for folder in _executables(layer)]
            program = command[0] if os.path.isabs(command[0]) else shutil.which(command[0]) or command[0]
            command = [program, *command[1:]]
            env = {**env, "PATH": os.pathsep.join([*folders, _tools()])}
        return module.Popen(command, *args, env=env, **kwargs)

    return SimpleNamespace(**{**vars(module), "Popen": popen})


def _attempts(function: dict) -> int:
    config = function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST") or {}
    retries = config.get("MaximumRetryAttempts")
    return 1 + (2 if retries is None else int(retries))


def _with_grant(route):
    """A failure is passed on with the rights of the function's role, and told as AWS tells it."""

    def routed(target: str, name: str, event: dict, result: dict) -> None:
        function = lambda_svc._functions.get(name) or {}
        config = function.get("config") or {}
        service = parse_arn(target).service
        if not role_may(config.get("Role", ""), ACTIONS.get(service, ""), target, "lambda.amazonaws.com"):
            logger.warning("Lambda %s: its role may not %s on %s; the failure is lost", name, ACTIONS.get(service), target)
            return
        if service != "lambda":
            return route(target, name, event, result)
        found, wanted, _ = lambda_svc._get_func_record_for_ref(target)
        if not found or not wanted:
            logger.warning("Lambda %s: there is no function %s for its failure", name, target)
            return
        told = {
            "version": "1.0",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "requestContext": {
                "requestId": new_uuid(),
                "functionArn": f"{config.get('FunctionArn', '')}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": _attempts(function),
            },
            "requestPayload": event,
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": result.get("function_error") or "Unhandled",
            },
            "responsePayload": result.get("body"),
        }
        # The destination is invoked asynchronously itself: with its own retries.
        lambda_svc.invoke_async_with_retry(
            lambda_svc._execution_record_for_config(found, wanted), json.loads(json.dumps(told))
        )

    return routed


def _naming(script: str) -> str:
    """The worker's program, which tells the name of what a handler throws, too."""
    said = 'error: String(err.message || err), trace'
    if said not in script:
        raise RuntimeError("the worker's program is another one: see functions.py")
    return script.replace(said, f"type: String(err.name || 'Error'), {said}")


_failure = threading.local()


def _seeing_its_end(end):
    """A worker that is ended because it failed may have ended by itself."""

    def ended(process) -> None:
        if getattr(_failure, "asks", False):
            try:
                _failure.code = process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                _failure.code = None
        end(process)

    return ended


def _remembering(invoke):
    def invoked(self, *args, **kwargs):
        _failure.asks, _failure.code = True, None
        try:
            response = invoke(self, *args, **kwargs)
        finally:
            _failure.asks = False
        _failure.kind = response.get("type")
        return response

    return invoked


def _exit_text(code: int) -> str:
    if code < 0:
        words = {signal.SIGKILL: "killed", signal.SIGABRT: "aborted (core dumped)", signal.SIGTERM: "terminated"}
        return f"with error: signal: {words.get(signal.Signals(-code), signal.Signals(-code).name)}"
    return f"with error: exit status {code}" if code else "without providing a reason"


def _as_aws_names_it(execute):
    """A thrown error keeps its name; a process that is gone says how it went."""

    def executed(function: dict, event: dict, request_id: str) -> dict:
        _failure.code = _failure.kind = None
        result = execute(function, event, request_id)
        body = result.get("body")
        if not result.get("error") or not isinstance(body, dict) or body.get("errorType") != "Runtime.HandlerError":
            return result
        if _failure.code is not None:
            text = f"RequestId: {request_id} Error: Runtime exited {_exit_text(_failure.code)}"
            return {**result, "body": {"errorType": "Runtime.ExitError", "errorMessage": text}}
        return {**result, "body": {**body, "errorType": _failure.kind or body["errorType"]}}

    return executed


def _counted(answer):
    """A call of a function's own address counts like any other: AWS answers 502 when the function failed."""

    async def answered(url_id, *args, resolved=None, **kwargs):
        found = resolved or lambda_svc.resolve_function_url(url_id)
        told = await answer(url_id, *args, resolved=found, **kwargs)
        if found is not None:
            account, region, name, *_ = found
            function, _, _ = lambda_svc._get_func_record_for_ref_in_scope(name, account_id=account, region=region)
            count = (lambda_svc._emit_lambda_metrics, name, 0.0, told[0] == 502, told[0] == 429)
            lambda_svc._run_with_function_config_scope(function, *count)
        return told

    return answered


def install() -> None:
    replace(lambda_runtime, "subprocess", _started)
    replace(lambda_runtime, "_NODEJS_WORKER_SCRIPT", _naming)
    replace(lambda_runtime, "_signal", _seeing_its_end)
    replace(lambda_runtime.Worker, "invoke", _remembering)
    replace(lambda_svc, "_execute_function_warm", _as_aws_names_it)
    replace(lambda_svc, "_route_async_failure", _with_grant)
    replace(lambda_svc, "handle_function_url_request", _counted)
