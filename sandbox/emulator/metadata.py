"""The instance metadata service of a node: who it is, and the credentials of its instance profile."""

from __future__ import annotations

import contextvars
import http.server
import json
import secrets
import threading
from typing import Callable

CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
TOKEN_SECONDS = "x-aws-ec2-metadata-token-ttl-seconds"


class Metadata:
    """Version 2 only, as on instances of today: who has no token gets nothing. On 127.0.0.1, until it is closed."""

    def __init__(self, known: dict[str, str], role: str, credentials: Callable[[], dict]) -> None:
        token = secrets.token_urlsafe(40)
        context = contextvars.copy_context()

        def text(path: str) -> str | None:
            if path.rstrip("/") == CREDENTIALS.rstrip("/"):
                return role
            if path == f"{CREDENTIALS}{role}":
                return json.dumps(context.copy().run(credentials))
            return known.get(path.removeprefix("/latest/meta-data/"))

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                wanted = self.path == "/latest/api/token" and self.headers.get(TOKEN_SECONDS)
                self._answer(200, token) if wanted else self._answer(400, "")

            def do_GET(self) -> None:
                if not secrets.compare_digest(self.headers.get("x-aws-ec2-metadata-token") or "", token):
                    return self._answer(401, "")
                found = text(self.path)
                return self._answer(404, "") if found is None else self._answer(200, found)

            def _answer(self, status: int, body: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "text/plain")
                self.send_header(TOKEN_SECONDS, "21600")
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
