"""Runs ansible-playbook many times, with Ansible imported once: every run is a fork that executes the command's file.

Reads one JSON object a line: `{cwd, env, arguments, name}`. Writes `{name, code, stderr}` for each.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import tempfile

import ansible.cli.playbook
import ansible.executor.playbook_executor
import ansible.plugins.strategy.linear

COMMAND = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")


def run(job, errors):
    """Never returns."""
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number, file in ((0, null), (1, null), (2, errors.fileno())):
        os.dup2(file, number)
    sys.argv = [COMMAND, *job["arguments"]]
    try:
        runpy.run_path(COMMAND, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code or 0
    sys.stderr.flush()
    os._exit(code)


def main():
    for line in sys.stdin:
        job = json.loads(line)
        with tempfile.TemporaryFile() as errors:
            child = os.fork()
            if child == 0:
                run(job, errors)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            errors.seek(0)
            said = {"name": job["name"], "code": status if status >= 0 else 128 - status}
            print(json.dumps({**said, "stderr": errors.read().decode("utf-8", "replace")}), flush=True)


main()
