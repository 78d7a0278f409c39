"""An `ansible-playbook` that has imported Ansible already: every run is a fork that executes the command's own file.

Given a socket and a file to make: listens, and makes the file a command that hands its arguments, environment and
folder over to this process. What Ansible reads while it is imported it has from the environment of this process.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import signal
import socket
import sys
import tempfile

import ansible.cli.playbook
import ansible.executor.playbook_executor
import ansible.plugins.strategy.linear

COMMAND = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
SHIM = """#!%s -IS
import json, os, socket, sys
wire = socket.socket(socket.AF_UNIX)
wire.connect(%r)
job = {"arguments": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}
wire.sendall(json.dumps(job).encode() + b"\\n")
said = json.loads(wire.makefile("rb").read())
sys.stdout.write(said["stdout"])
sys.stderr.write(said["stderr"])
sys.stdout.flush()
os._exit(said["code"])
"""


def run(job, output, errors):
    """Never returns."""
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    os.setsid()
    for number, file in ((0, os.open(os.devnull, os.O_RDWR)), (1, output.fileno()), (2, errors.fileno())):
        os.dup2(file, number)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.argv = [COMMAND, *job["arguments"]]
    try:
        runpy.run_path(COMMAND, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def answer(wire):
    """In a process of its own, so that several run at a time."""
    job = json.loads(wire.makefile("rb").readline())
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            run(job, output, errors)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        events = job["env"].get("PLUMBLINE_EVENTS", "")
        # Another call of the same check asks who its hosts are.
        if os.path.basename(events) == "events" and os.path.exists(events):
            shutil.copy2(events, os.path.join(job["cwd"], os.pardir, "events"))
        said = {"code": status if status >= 0 else 128 - status}
        for name, file in (("stdout", output), ("stderr", errors)):
            file.seek(0)
            said[name] = file.read().decode("utf-8", "replace")
    wire.sendall(json.dumps(said).encode())
    os._exit(0)


def main(path, shim):
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(8)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with open(shim, "w", encoding="utf-8") as file:
        file.write(SHIM % ("/usr/bin/python3", path))
    os.chmod(shim, 0o755)
    print("ready", flush=True)
    while True:
        wire = listening.accept()[0]
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            answer(wire)
        wire.close()


main(*sys.argv[1:])
