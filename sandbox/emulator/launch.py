"""Starts the emulator with its gaps filled. Ends when its standard input does: nobody is left to stop it then."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ministack.app  # noqa: E402

import alarms  # noqa: E402
import builds  # noqa: E402
import clusters  # noqa: E402
import documents  # noqa: E402
import functions  # noqa: E402
import nodes  # noqa: E402
import policies  # noqa: E402
import schedules  # noqa: E402
import templates  # noqa: E402
from replace import replace  # noqa: E402


def _end() -> None:
    builds.end_all()
    nodes.end_all()
    shutil.rmtree(os.environ["SANDBOX_DIR"], ignore_errors=True)
    os._exit(0)


def _end_with_parent() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    _end()


class Control(http.server.BaseHTTPRequestHandler):
    """What tests may do to time (`POST /alarm-clock {"seconds": n}`), and what clusters and nodes tell and ask the account."""

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(min(size, 10_000_000)) or b"{}")
        if self.path == "/alarm-clock":
            alarms.advance(float(body["seconds"]))
            return self._answer(200, {})
        if self.path == "/clusters":
            clusters.register(body)
            return self._answer(200, {})
        if self.path.startswith("/nodes/"):
            return self._answer(*nodes.control(self.path.removeprefix("/nodes/"), body))
        return self._answer(404, {})

    def do_GET(self) -> None:
        found = clusters.access_entry(self.path) if self.path.startswith("/access-entry?") else None
        self._answer(404 if found is None else 200, found or {})

    def _answer(self, status: int, body: dict) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    for part in (policies, templates, documents, alarms, builds, schedules, clusters, functions, nodes):
        part.install()
    # It would take port 443 too, which is somebody else's.
    replace(ministack.app, "_port_is_bindable", lambda _: lambda *_: False)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    control = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SANDBOX_CONTROL_PORT"])), Control)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    sys.argv = sys.argv[:1]
    ministack.app.main()


if __name__ == "__main__":
    main()
