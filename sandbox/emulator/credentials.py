"""Credentials of a role that a service takes for a build or a node; offered to a build as CodeBuild's container does."""

from __future__ import annotations

import http.server
import json
import secrets
import threading
import time

from ministack.core.responses import get_account_id
from ministack.services import iam, sts

SESSION_SECONDS = 3600


class RoleError(Exception):
    """The service cannot take the role."""


def assume(role_arn: str, session_name: str, service: str = "codebuild.amazonaws.com") -> dict:
    """Credentials of the role, if its trust policy names the service."""
    name = role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get(name)
    if role is None or service not in json.dumps(role.get("AssumeRolePolicyDocument")):
        raise RoleError(f"{service} is not authorized to perform: sts:AssumeRole on {role_arn}")
    key, secret, token = sts._gen_session_access_key(), sts._gen_secret(), sts._gen_session_token()
    expires = time.time() + SESSION_SECONDS
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/{session_name}",
            "UserId": f"{role['RoleId']}:{session_name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": expires,
            "AccountId": get_account_id(),
            "PrincipalType": "AssumedRole",
            "SessionTags": [],
            "SessionPolicies": None,
        },
    )
    return {
        "AccessKeyId": key,
        "SecretAccessKey": secret,
        "Token": token,
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires)),
        "RoleArn": role_arn,
    }


class Endpoint:
    """Serves credentials to whoever has the token, on 127.0.0.1, until it is closed."""

    def __init__(self, credentials: dict) -> None:
        self.token = secrets.token_urlsafe(24)
        body = json.dumps(credentials).encode()
        token = self.token

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                allowed = secrets.compare_digest(self.headers.get("Authorization") or "", token)
                self.send_response(200 if allowed else 403)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body if allowed else b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/credentials"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
