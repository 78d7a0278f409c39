"""Finds the ansible-core of the node. Nothing is installed."""

import glob
import os
import pwd
import re
import subprocess

from answer import Problem

OLDEST = (2, 12)
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# `~` is the home of the user that runs this: its own virtual environments, `pip install --user`, and pipx.
PLACES = (
    "/usr/local/bin",
    "/usr/bin",
    "/opt/*/bin",
    "/usr/local/*/bin",
    "~/.local/bin",
    "~/*/bin",
    "~/.local/share/pipx/venvs/*/bin",
    "~/.local/pipx/venvs/*/bin",
    "/opt/pipx/venvs/*/bin",
)
PROBE = (
    "import platform\n"
    "from ansible.release import __version__\n"
    "print('[core %s] python version = %s' % (__version__, platform.python_version()))"
)
PROBE_SECONDS = 60


def home():
    return os.environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir


def base_environment():
    """
    What every program here gets. The home is the real one: a `~` in a playbook means what it means in a run by hand.
    """
    passed = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")
    return {
        **{name: os.environ[name] for name in passed if name in os.environ},
        "PATH": own_path(),
        "HOME": home(),
        "LC_ALL": "C.UTF-8",
    }


def own_path():
    return ":".join(dict.fromkeys((os.environ.get("PATH", "") + ":" + SYSTEM_PATH).strip(":").split(":")))


def find_core():
    """The first that is new enough: its ansible-playbook, its version, and that of its Python."""
    rejected = []
    for playbook in candidates():
        found = versions(playbook)
        if found is None:
            rejected.append("%s does not start" % playbook)
        elif tuple(int(part) for part in found[0].split(".")[:2]) < OLDEST:
            rejected.append("%s is %s" % (playbook, found[0]))
        else:
            return (playbook, *found)
    wanted = "ansible-core 2.12 or newer is needed"
    if rejected:
        raise Problem("%s on this node: %s" % (wanted, ", ".join(rejected[:3])))
    raise Problem(
        wanted + " on this node, and no ansible-playbook was found in PATH, /usr/local/bin, a virtual environment"
        " below /opt or by pipx: install it, nothing is installed from here"
    )


def candidates():
    folders = own_path().split(":")
    for place in PLACES:
        folders += sorted(glob.glob(home() + place[1:] if place.startswith("~") else place))
    seen = set()
    for folder in folders:
        name = os.path.join(folder, "ansible-playbook")
        real = os.path.realpath(name)
        if os.access(name, os.X_OK) and os.path.isfile(real) and real not in seen and is_ours(real):
            seen.add(real)
            yield name


def is_ours(name):
    """Not what another user of the node may have put there, or may change: it would run with our rights."""
    for checked in (name, os.path.dirname(name)):
        found = os.stat(checked)
        if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o002:
            return False
    return True


def versions(playbook):
    """By its own Python, which takes a tenth of the time that `--version` takes; else by that."""
    for command in ([*interpreter(playbook), "-c", PROBE], [playbook, "--version"]):
        try:
            said = subprocess.run(
                command,
                env={**base_environment(), "PYTHONDONTWRITEBYTECODE": "1"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=PROBE_SECONDS,
                check=False,
            ).stdout.decode("ascii", "replace")
        except (OSError, subprocess.TimeoutExpired):
            continue
        core = re.search(r"^(?:ansible-playbook )?\[?(?:core )?([0-9]+\.[0-9]+[0-9a-z.]*)", said)
        python = re.search(r"python version = ([0-9.]+)", said)
        if core is not None:
            return core.group(1), python.group(1) if python is not None else None
    return None


def interpreter(playbook):
    """Of its first line; nothing that leads to Python 2 or to a shell is tried."""
    with open(playbook, "rb") as file:
        words = file.readline(4096).decode("utf-8", "replace").lstrip("#!").split()
    return words if words and "python" in os.path.basename(words[0]) else ["/nonexistent"]
