"""One build: source, phases, log, time limit and end."""

from __future__ import annotations

import io
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import zipfile
from typing import Callable

import botocore.session
from ministack.core.responses import get_region

import buildspec
from credentials import Endpoint, assume

logger = logging.getLogger("sandbox.builds")

# AWS gives a stopped or timed-out build a moment before it is killed.
GRACE_SECONDS = 10
MAX_LOG_LINE = 8000
# What a build sees of this machine; everything else is its own.
PASSED_ON = ("LANG", "TZ", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "SSL_CERT_FILE")

# It remembers the services' descriptions, which take a second to read; each client has credentials of its own.
_SESSION = botocore.session.get_session()
_MAKING_CLIENTS = threading.Lock()


class Run:
    def __init__(self, project: dict, build: dict, announce: Callable[[dict], None]) -> None:
        self.project = project
        self.build = build
        self.ended = False
        self._announce = announce
        self._process: subprocess.Popen | None = None
        self._verdict: str | None = None
        self._lock = threading.RLock()
        self._log: list[dict] = []

    def go(self) -> None:
        """Runs the build from its source to its end event, whatever happens."""
        folder = tempfile.mkdtemp(prefix="build-")
        os.chmod(folder, 0o755)
        endpoint = None
        try:
            self._announce(self.build)
            role = assume(self.project["serviceRole"], f"AWSCodeBuild-{self.build['id'].split(':')[1]}")
            endpoint = Endpoint(role)
            self._clients(role)
            self._source(folder)
            spec = buildspec.parse((self.project.get("source") or {}).get("buildspec") or "")
            self._finish("SUCCEEDED" if self._phases(spec, folder, endpoint) else "FAILED")
        except Exception as error:  # a build ends, whatever happened; it never hangs
            self._say(f"[Container] {type(error).__name__}: {error}")
            self._finish("FAILED")
        finally:
            if endpoint is not None:
                endpoint.close()
            shutil.rmtree(folder, ignore_errors=True)

    def stop(self) -> None:
        with self._lock:
            if self.ended:
                return
            self._verdict = "STOPPED"
        self._signal_then_kill()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _clients(self, role: dict) -> None:
        def client(service: str):
            with _MAKING_CLIENTS:
                return _SESSION.create_client(
                    service,
                    region_name=get_region(),
                    endpoint_url=os.environ["AWS_ENDPOINT_URL"],
                    verify=os.environ["AWS_CA_BUNDLE"],
                    aws_access_key_id=role["AccessKeyId"],
                    aws_secret_access_key=role["SecretAccessKey"],
                    aws_session_token=role["Token"],
                )

        self._client = client

    def _source(self, folder: str) -> None:
        source = self.project.get("source") or {}
        os.mkdir(os.path.join(folder, "src"))
        if source.get("type") == "NO_SOURCE":
            return
        if source.get("type") != "S3":
            raise RuntimeError(f"source type {source.get('type')} is not supported by this stand-in")
        bucket, _, key = source["location"].removeprefix("arn:aws:s3:::").partition("/")
        body = self._client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            archive.extractall(os.path.join(folder, "src"))
        self._phase("DOWNLOAD_SOURCE", True)

    def _phases(self, spec: buildspec.Buildspec, folder: str, endpoint: Endpoint) -> bool:
        environment = self._environment(spec, folder, endpoint)
        deadline = time.monotonic() + self.build["timeoutInMinutes"] * 60
        well = True
        for name in buildspec.PHASES:
            phase = spec.phases.get(name)
            if phase is None or self._verdict is not None:
                continue
            if not well and name != "post_build":
                continue
            if name == "post_build" and not well and not self._ran("BUILD"):
                continue
            environment["CODEBUILD_BUILD_SUCCEEDING"] = "1" if well else "0"
            succeeded = self._shell(phase, folder, environment, deadline)
            self._phase(name.upper(), succeeded)
            well = well and (succeeded or phase.go_on)
        return well

    def _environment(self, spec: buildspec.Buildspec, folder: str, endpoint: Endpoint) -> dict[str, str]:
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment.update(
            PATH=f"{os.environ['SANDBOX_IMAGE']}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            HOME=os.path.join(folder, "home"),
            TMPDIR=os.path.join(folder, "tmp"),
            AWS_REGION=get_region(),
            AWS_DEFAULT_REGION=get_region(),
            AWS_CONTAINER_CREDENTIALS_FULL_URI=endpoint.url,
            AWS_CONTAINER_AUTHORIZATION_TOKEN=endpoint.token,
            CODEBUILD_BUILD_ID=self.build["id"],
            CODEBUILD_BUILD_ARN=self.build["arn"],
            CODEBUILD_BUILD_NUMBER=str(self.build["buildNumber"]),
            CODEBUILD_INITIATOR=self.build["initiator"],
            CODEBUILD_SRC_DIR=os.path.join(folder, "src"),
        )
        os.makedirs(environment["HOME"], exist_ok=True)
        # Its own, as in a container; other users work in it too.
        os.makedirs(environment["TMPDIR"], exist_ok=True)
        os.chmod(environment["TMPDIR"], 0o1777)
        environment.update(spec.variables)
        for name, parameter in spec.parameters.items():
            found = self._client("ssm").get_parameter(Name=parameter, WithDecryption=True)
            environment[name] = found["Parameter"]["Value"]
        for name, secret in spec.secrets.items():
            environment[name] = self._client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        for item in self.build["environment"].get("environmentVariables") or []:
            environment[item["name"]] = item["value"]
        return environment

    def _shell(self, phase: buildspec.Phase, folder: str, environment: dict, deadline: float) -> bool:
        script = buildspec.script(phase, os.path.join(folder, "environment.sh"))
        with self._lock:
            if self._verdict is not None:
                return False
            self._process = subprocess.Popen(
                ["bash", "-c", script],
                cwd=os.path.join(folder, "src"),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
                errors="replace",
            )
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._time_out)
        timer.daemon = True
        timer.start()
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._say(line.rstrip("\n"))
        code = self._process.wait()
        timer.cancel()
        self._signal(signal.SIGKILL)  # what a phase leaves in the background ends with it
        return code == 0

    def _time_out(self) -> None:
        with self._lock:
            self._verdict = self._verdict or "TIMED_OUT"
        self._signal_then_kill()

    def _signal_then_kill(self) -> None:
        self._signal(signal.SIGTERM)
        later = threading.Timer(GRACE_SECONDS, self._signal, args=(signal.SIGKILL,))
        later.daemon = True
        later.start()

    def _signal(self, number: int) -> None:
        process = self._process
        if process is None:
            return
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass

    def _ran(self, phase: str) -> bool:
        return any(item["phaseType"] == phase for item in self.build["phases"])

    def _phase(self, name: str, succeeded: bool) -> None:
        now = int(time.time())
        status = "SUCCEEDED" if succeeded else "FAILED"
        self.build["phases"].append({"phaseType": name, "phaseStatus": status, "startTime": now, "endTime": now})
        self.build["currentPhase"] = name

    def _say(self, line: str) -> None:
        self._log.append({"timestamp": int(time.time() * 1000), "message": line[:MAX_LOG_LINE] or " "})

    def _finish(self, status: str) -> None:
        self._write_log()
        with self._lock:
            self.ended = True
            final = self._verdict or status
            self.build.update(buildStatus=final, buildComplete=True, currentPhase="COMPLETED", endTime=int(time.time()))
            self.build["phases"].append({"phaseType": "COMPLETED", "startTime": int(time.time())})
        self._announce(self.build)

    def _write_log(self) -> None:
        """With the project's role: without the grant there is no log, as on AWS."""
        logs = self.build["logs"]
        try:
            client = self._client("logs")
            names = {"logGroupName": logs["groupName"], "logStreamName": logs["streamName"]}
            client.create_log_stream(**names)
            for start in range(0, len(self._log), 1000):
                client.put_log_events(**names, logEvents=self._log[start : start + 1000])
        except Exception as error:
            logger.warning("build %s has no log: %s", self.build["id"], error)
            self.build["phases"].append(
                {"phaseType": "FINALIZING", "phaseStatus": "FAILED", "contexts": [{"message": str(error)}]}
            )
