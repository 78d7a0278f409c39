"""CodeBuild: builds run as processes, with their project's role, its limits, and its events."""

from __future__ import annotations

import contextvars
import copy
import json
import threading
import time

from ministack.core.iam_evaluator import caller_arn
from ministack.core.responses import error_response_json, get_region, json_response
from ministack.services import codebuild, eventbridge

from build_run import Run
from replace import replace

START_PARAMETERS = {
    "projectName",
    "environmentVariablesOverride",
    "idempotencyToken",
    "timeoutInMinutesOverride",
    "queuedTimeoutInMinutesOverride",
}
TOKEN_SECONDS = 300
# Builds that run side by side; the rest waits in the queue, as in an account with a small limit.
SIDE_BY_SIDE = 2

_lock = threading.RLock()
_tokens: dict[str, tuple[float, str, str]] = {}
_runs: dict[str, Run] = {}
# What each build was started with, by its id.
_asked: dict[str, dict] = {}
_slots = threading.Semaphore(SIDE_BY_SIDE)


def _invalid(message: str):
    return error_response_json("InvalidInputException", message, 400)


def _refusal(data: dict):
    """What AWS would refuse, or what this stand-in does not do and must not pretend to."""
    unknown = set(data) - START_PARAMETERS
    if unknown:
        return _invalid(f"StartBuild: {', '.join(sorted(unknown))} is unknown or not supported by this stand-in")
    for variable in data.get("environmentVariablesOverride") or []:
        if set(variable) - {"name", "value", "type"} or not variable.get("name"):
            return _invalid("Environment variables have name, value and type")
        if variable.get("type", "PLAINTEXT") != "PLAINTEXT":
            return _invalid(f"Environment variable type {variable['type']} is not supported by this stand-in")
    timeout = data.get("timeoutInMinutesOverride", 60)
    if not isinstance(timeout, int) or not 5 <= timeout <= 2160:
        return _invalid("Timeout in minutes must be between 5 and 2160")
    token = data.get("idempotencyToken")
    if token is not None and not 1 <= len(token) <= 64:
        return _invalid("Idempotency token has 1 to 64 characters")
    return None


def _start(_original):
    def start(data: dict):
        refused = _refusal(data)
        if refused:
            return refused
        name = data.get("projectName", "")
        if name not in codebuild._projects:
            return error_response_json("ResourceNotFoundException", f"Project cannot be found: {name}", 400)
        project = copy.deepcopy(codebuild._projects[name])
        with _lock:
            token = data.get("idempotencyToken")
            same = json.dumps(data, sort_keys=True)
            known = _tokens.get(f"{name} {token}") if token else None
            if known and time.time() - known[0] < TOKEN_SECONDS:
                if known[1] != same:
                    return _invalid("Idempotency token was used with other parameters")
                return json_response({"build": copy.deepcopy(codebuild._builds[known[2]])})
            limit = project.get("concurrentBuildLimit")
            active = [run for run in _runs.values() if run.build["projectName"] == name and not run.ended]
            if limit and len(active) >= limit:
                message = f"Cannot have more than {limit} active builds for the project"
                return error_response_json("AccountLimitExceededException", message, 400)
            build = _record(project, data)
            codebuild._builds[build["id"]] = build
            run = Run(project, build, _announce)
            _runs[build["id"]] = run
            _asked[build["id"]] = data
            if token:
                _tokens[f"{name} {token}"] = (time.time(), same, build["id"])
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(_queued, run), daemon=True, name=build["id"]).start()
        return json_response({"build": copy.deepcopy(build)})

    return start


def _queued(run: Run) -> None:
    with _slots:
        run.go()


def _record(project: dict, data: dict) -> dict:
    build = codebuild._make_build_record(project, codebuild._build_id(project["name"]))
    now = int(time.time())
    overrides = {item["name"]: item for item in data.get("environmentVariablesOverride") or []}
    environment = copy.deepcopy(project.get("environment") or {})
    declared = [item for item in environment.get("environmentVariables") or [] if item["name"] not in overrides]
    environment["environmentVariables"] = declared + [{"type": "PLAINTEXT", **item} for item in overrides.values()]
    build.pop("endTime", None)
    group = ((project.get("logsConfig") or {}).get("cloudWatchLogs") or {}).get("groupName")
    logs = {"groupName": group or f"/aws/codebuild/{project['name']}", "streamName": build["id"].split(":")[1]}
    region = get_region()
    logs["deepLink"] = (
        f"https://console.aws.amazon.com/cloudwatch/home?region={region}#logsV2:log-groups/log-group/"
        f"{logs['groupName'].replace('/', '$252F')}/log-events/{logs['streamName']}"
    )
    build.update(
        startTime=now,
        buildStatus="IN_PROGRESS",
        buildComplete=False,
        currentPhase="QUEUED",
        phases=[{"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED", "startTime": now, "endTime": now}],
        environment=environment,
        serviceRole=project.get("serviceRole"),
        initiator=_initiator(),
        timeoutInMinutes=data.get("timeoutInMinutesOverride") or project.get("timeoutInMinutes") or 60,
        logs=logs,
    )
    return build


def _initiator() -> str:
    """A user's name, or `<role>/<session>`."""
    return caller_arn().split(":", 5)[5].removeprefix("user/").removeprefix("assumed-role/")


def _with_retry(handle):
    """`RetryBuild`, which the emulator does not know: the same again, as whoever asks."""

    def handled(method, path, headers, body, query):
        if not headers.get("x-amz-target", "").endswith(".RetryBuild"):
            return handle(method, path, headers, body, query)
        data = json.loads(body or b"{}")
        unknown = set(data) - {"id", "idempotencyToken"}
        if unknown:
            return _invalid(f"RetryBuild: {', '.join(sorted(unknown))} is unknown or not supported by this stand-in")
        name = (data.get("id") or "").rsplit("build/", 1)[-1]
        asked, run = _asked.get(name), _runs.get(name)
        if asked is None or run is None:
            return error_response_json("ResourceNotFoundException", f"Build not found: {name}", 400)
        if not run.ended:
            return _invalid(f"Build {name} has not ended")
        again = {key: value for key, value in asked.items() if key != "idempotencyToken"}
        token = {"idempotencyToken": data["idempotencyToken"]} if "idempotencyToken" in data else {}
        return codebuild._start_build({**again, **token})

    return handled


def _stop(_original):
    def stop(data: dict):
        unknown = set(data) - {"id"}
        if unknown:
            return _invalid(f"StopBuild: unknown parameters {sorted(unknown)}")
        name = (data.get("id") or "").rsplit("build/", 1)[-1]
        run = _runs.get(name)
        if run is None:
            return error_response_json("ResourceNotFoundException", f"Build not found: {name}", 400)
        run.stop()
        return json_response({"build": copy.deepcopy(run.build)})

    return stop


def _described(original):
    """BatchGetBuilds takes ids and ARNs alike."""

    def described(data: dict):
        ids = data.get("ids") or []
        if not 1 <= len(ids) <= 100:
            return _invalid("BatchGetBuilds takes 1 to 100 ids")
        return original({**data, "ids": [name.rsplit("build/", 1)[-1] for name in ids]})

    return described


def _announce(build: dict) -> None:
    """The state-change event, as CodeBuild words it."""
    started = time.gmtime(build["startTime"])
    hour = started.tm_hour % 12 or 12
    odd = f"{time.strftime('%b', started)} {started.tm_mday}, {started.tm_year} {hour}:{time.strftime('%M:%S %p', started)}"
    eventbridge._put_events(
        {
            "Entries": [
                {
                    "Source": "aws.codebuild",
                    "DetailType": "CodeBuild Build State Change",
                    "Resources": [build["arn"]],
                    "Detail": json.dumps(
                        {
                            "build-status": build["buildStatus"],
                            "project-name": build["projectName"],
                            "build-id": build["arn"],
                            "current-phase": build["currentPhase"],
                            "version": "1",
                            "additional-information": {
                                "build-complete": build["buildStatus"] != "IN_PROGRESS",
                                "build-start-time": odd,
                                "initiator": build["initiator"],
                                "environment": {
                                    "type": build["environment"].get("type"),
                                    "image": build["environment"].get("image"),
                                    "compute-type": build["environment"].get("computeType"),
                                    "privileged-mode": build["environment"].get("privilegedMode", False),
                                    "environment-variables": build["environment"]["environmentVariables"],
                                },
                                "timeout-in-minutes": build["timeoutInMinutes"],
                                "logs": {
                                    "group-name": build["logs"]["groupName"],
                                    "stream-name": build["logs"]["streamName"],
                                    "deep-link": build["logs"]["deepLink"],
                                },
                                "phases": [
                                    {"phase-type": phase["phaseType"], "phase-status": phase.get("phaseStatus", "")}
                                    for phase in build["phases"]
                                ],
                            },
                        }
                    ),
                }
            ]
        },
        allow_aws_source=True,
    )


def end_all() -> None:
    """Kills what still runs: the account is being taken down."""
    for run in list(_runs.values()):
        run.kill()


def install() -> None:
    replace(codebuild, "_start_build", _start)
    replace(codebuild, "_handle_request_sync", _with_retry)
    replace(codebuild, "_stop_build", _stop)
    replace(codebuild, "_batch_get_builds", _described)
