"""Makes a node's own root, and is its first process: runs what the emulator says, until its standard input ends.

Started by `unshare` in a mount, host name and process namespace of its own. Its argument is JSON:
`dir` (the node's folder), `hostname`, `ca`, `venv`, `readOnly` (further folders of this machine that it sees, as they
are), `user` (inside a user namespace).
Speaks JSON lines: `{"id", "op", …}` in, `{"id", …}` out.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import threading

# Folders of this machine that a node has as they were, to change as it likes; of the others it sees nothing.
LAYERED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "opt", "srv", "var")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
TOOLS = ("ansible", "ansible-playbook", "ansible-vault", "ansible-galaxy", "ansible-config", "ansible-inventory", "ansible-doc")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
AWAY = "/usr/lib/.away"
DEEP = 99
SMALL = "256k"
# What would reach the kernel, which is not the node's: modules, raw devices, reboot, the clock.
DROPPED = (16, 17, 22, 25)
PR_CAPBSET_DROP = 24


class CannotMount(Exception):
    """This machine does not let us build a root."""


def _call(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise CannotMount(f"`{' '.join(command)}` said: {done.stdout.strip()}")


def _bind(source: str, target: str, read_only: bool = False) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "w").close()
    _call("mount", "--bind", source, target)
    if read_only:
        _call("mount", "-o", "remount,bind,ro", target)


def _own(source: str, upper: str, depth: int) -> None:
    """
    Folders, and files of `/etc`, that belong to the node's root. It is not this machine's root when a user runs us, and
    might change nothing that is.
    """
    os.makedirs(upper, exist_ok=True)
    try:
        os.chmod(upper, os.stat(source).st_mode & 0o7777 | 0o700)
        entries = list(os.scandir(source))
    except OSError:
        return
    for entry in entries:
        mine = os.path.join(upper, entry.name)
        if entry.is_dir(follow_symlinks=False) and depth > 0:
            _own(entry.path, mine, depth - 1)
        elif entry.is_file(follow_symlinks=False) and depth > 2 and not os.path.exists(mine):
            with contextlib.suppress(OSError):
                shutil.copy2(entry.path, mine)


class Root:
    """The node's root below its folder, from this machine's, which stays as it is."""

    def __init__(self, settings: dict) -> None:
        self.settings = settings
        self.dir = settings["dir"]
        self.user = settings["user"]
        self.path = os.path.join(self.dir, "root")

    def make(self) -> None:
        os.makedirs(self.path, exist_ok=True)
        _call("mount", "--bind", self.path, self.path)
        self._layers()
        for name in ("tmp", "run", "dev"):
            os.makedirs(self._in(name), exist_ok=True)
            _call("mount", "-t", "tmpfs", "-o", "mode=755,nodev", "tmpfs", self._in(name))
        os.makedirs(os.path.join(self.dir, "var-tmp"), exist_ok=True)
        _bind(os.path.join(self.dir, "var-tmp"), self._in("var/tmp"))
        for name, mode in (("tmp", 0o1777), ("var/tmp", 0o1777), ("root", 0o700), ("home", 0o755), ("mnt", 0o755)):
            os.makedirs(self._in(name), exist_ok=True)
            os.chmod(self._in(name), mode)
        self._devices()
        self._kernel()
        for folder in self.settings["readOnly"]:
            _bind(folder, self._in(folder), read_only=True)
        self._name()

    def enter(self) -> None:
        """Makes it the root of this process, with nothing left of the old one: a chroot can be left, this cannot."""
        old = self._in("run/.machine")
        os.makedirs(old)
        _call("pivot_root", self.path, old)
        os.chdir("/")
        for capability in DROPPED:
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        _call("umount", "--lazy", "/run/.machine")
        os.rmdir("/run/.machine")

    def _in(self, name: str) -> str:
        return os.path.join(self.path, name.lstrip("/"))

    def _layers(self) -> None:
        try:
            self._overlays(os.path.join(self.dir, "disk"))
        except CannotMount:
            # In a container the folder lies on an overlay itself, which cannot be the upper part of another one.
            memory = os.path.join(self.dir, "memory")
            os.makedirs(memory, exist_ok=True)
            _call("mount", "-t", "tmpfs", "tmpfs", memory)
            self._overlays(memory)

    def _overlays(self, disk: str) -> None:
        for name in LAYERED:
            target = self._in(name)
            if os.path.islink(f"/{name}") and not os.path.lexists(target):
                os.symlink(os.readlink(f"/{name}"), target)
            if os.path.islink(f"/{name}") or not os.path.isdir(f"/{name}") or os.path.ismount(target):
                continue
            upper, work = os.path.join(disk, name), os.path.join(disk, f".{name}")
            for folder in (upper, work, target):
                os.makedirs(folder, exist_ok=True)
            if self.user:
                _own(f"/{name}", upper, DEEP if name == "etc" else 2)
            options = f"lowerdir=/{name},upperdir={upper},workdir={work}" + (",userxattr" if self.user else "")
            _call("mount", "-t", "overlay", "-o", options, "overlay", target)

    def _devices(self) -> None:
        for name in DEVICES:
            _bind(f"/dev/{name}", self._in(f"dev/{name}"))
        for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
            os.symlink(f"/proc/self/{target}", self._in(f"dev/{name}"))
        for name in ("shm", "pts"):
            os.mkdir(self._in(f"dev/{name}"))
        _call("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", self._in("dev/shm"))
        _call("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666", "devpts", self._in("dev/pts"))
        os.symlink("pts/ptmx", self._in("dev/ptmx"))

    def _kernel(self) -> None:
        """The kernel is this machine's: a node may look at it, and turns none of its knobs."""
        os.makedirs(self._in("proc"), exist_ok=True)
        _call("mount", "-t", "proc", "proc", self._in("proc"))
        os.makedirs(self._in("sys"), exist_ok=True)
        if self.user:
            # Its root is nobody out here, so the kernel refuses by itself.
            _call("mount", "--rbind", "/sys", self._in("sys"))
            return
        _bind("/sys", self._in("sys"), read_only=True)
        for name in ("sys", "sysrq-trigger", "irq", "bus"):
            if os.path.exists(self._in(f"proc/{name}")):
                _bind(self._in(f"proc/{name}"), self._in(f"proc/{name}"), read_only=True)

    def _name(self) -> None:
        name = self.settings["hostname"]
        socket.sethostname(name)
        with open(self._in("etc/hostname"), "w") as file:
            file.write(f"{name}\n")
        with open(self._in("etc/hosts"), "w") as file:
            file.write(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
        os.makedirs(self._in("etc/ssl"), exist_ok=True)
        shutil.copyfile(self.settings["ca"], self._in("etc/ssl/sandbox-ca.pem"))


class Agent:
    """Runs commands on the node, several at once; collects every process that nobody waits for."""

    def __init__(self, venv: str) -> None:
        self.venv = venv
        self._lock = threading.Lock()
        self._ended: dict[int, threading.Event] = {}
        self._codes: dict[int, int] = {}
        self._running: dict[str, int] = {}
        self._said = threading.Lock()
        self._some = threading.Condition(self._lock)

    def say(self, message: dict) -> None:
        with self._said:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

    def serve(self) -> None:
        threading.Thread(target=self._reap, daemon=True).start()
        for line in sys.stdin:
            request = json.loads(line)
            threading.Thread(target=self._answer, args=(request,), daemon=True).start()

    def _answer(self, request: dict) -> None:
        try:
            answer = getattr(self, f"do_{request['op']}")(request)
        except Exception as error:  # an answer is waited for, whatever happened
            answer = {"problem": f"{type(error).__name__}: {error}"}
        self.say({"id": request["id"], **answer})

    def do_run(self, request: dict) -> dict:
        """A step of a command: a script, its output in files, as the SSM agent keeps them."""
        folder = request["folder"]
        os.makedirs(folder, mode=0o700, exist_ok=True)
        script = os.path.join(folder, "_script.sh")
        with open(script, "w") as file:
            file.write(request["script"])
        os.chmod(script, 0o700)
        out, err = os.path.join(folder, "stdout"), os.path.join(folder, "stderr")
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            streams = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": stderr}
            pid = self._popen(["sh", "-c", script], request, **streams).pid
        with self._lock:
            self._running[request["command"]] = pid
        code = self._code(pid)
        with self._lock:
            self._running.pop(request["command"], None)
        return {"exitCode": code, "stdout": _head(out, 24_000), "stderr": _head(err, 8_000)}

    def do_cancel(self, request: dict) -> dict:
        with self._lock:
            pid = self._running.get(request["command"])
        if pid is not None:
            self._kill(pid)
        return {"cancelled": pid is not None}

    def do_shell(self, request: dict) -> dict:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = self._popen(["bash", "-c", request["command"]], request, **pipes)
        out, err = process.communicate(request["input"].encode())
        return {"exitCode": self._code(process.pid), "stdout": _text(out), "stderr": _text(err)}

    def do_ansible(self, request: dict) -> dict:
        for tool in TOOLS:
            link = f"/usr/local/bin/{tool}"
            if os.path.lexists(link):
                os.unlink(link)
            if request["there"] and os.path.exists(f"{self.venv}/bin/{tool}"):
                os.symlink(f"{self.venv}/bin/{tool}", link)
        return {}

    def do_python(self, request: dict) -> dict:
        """Moves the interpreters of the PATH out of it, and back."""
        there, away = (AWAY, "") if request["there"] else ("", AWAY)
        for folder in dict.fromkeys(os.path.realpath(name) for name in PATH.split(":")):
            for name in sorted(os.listdir(there + folder)) if os.path.isdir(there + folder) else ():
                if name.startswith("python"):
                    os.makedirs(away + folder, exist_ok=True)
                    os.rename(f"{there}{folder}/{name}", f"{away}{folder}/{name}")
        return {}

    def do_fill(self, request: dict) -> dict:
        """Small disks in the place of the temporary folders, with nothing left on them; or the large ones again."""
        for folder in ("/tmp", "/var/tmp"):
            if not request["full"]:
                self._run("umount", "--lazy", folder)
                continue
            self._run("mount", "-t", "tmpfs", "-o", f"mode=1777,size={SMALL}", "tmpfs", folder)
            try:
                with open(f"{folder}/.full", "wb") as file:
                    while True:
                        file.write(b"\0" * 4096)
                        file.flush()
            except OSError:
                pass  # full: that is what is wanted
        return {}

    def _run(self, *command: str) -> None:
        code = self._code(self._popen(list(command), {"environment": {}}).pid)
        if code != 0:
            raise CannotMount(f"`{' '.join(command)}` ended with {code}")

    def _popen(self, command: list, request: dict, **streams) -> subprocess.Popen:
        environment = {"PATH": PATH, "HOME": "/root", **request["environment"]}
        with self._lock:
            process = subprocess.Popen(
                command, cwd=request.get("cwd", "/root"), env=environment, start_new_session=True, **streams
            )
            # Waited for by `_reap` alone, so that two do not take one process's end from each other.
            process.returncode = 0
            self._ended[process.pid] = threading.Event()
            self._some.notify_all()
        return process

    def _code(self, pid: int) -> int:
        self._ended[pid].wait()
        with self._lock:
            self._ended.pop(pid)
            return self._codes.pop(pid)

    def _kill(self, pid: int) -> None:
        try:
            os.killpg(pid, 9)
        except ProcessLookupError:
            pass

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                with self._lock:
                    self._some.wait(0.2)
                continue
            with self._lock:
                if pid in self._ended:
                    self._codes[pid] = os.waitstatus_to_exitcode(status)
                    self._ended[pid].set()


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


def _head(path: str, limit: int) -> str:
    """The agent keeps the beginning, and says so when there is more."""
    with open(path, "rb") as file:
        data = file.read(limit + 1)
    return _text(data) if len(data) <= limit else _text(data[:limit]) + "--output truncated--"


def main() -> None:
    settings = json.loads(sys.argv[1])
    agent = Agent(settings["venv"])
    try:
        root = Root(settings)
        root.make()
        root.enter()
    except (CannotMount, OSError) as error:
        agent.say({"id": 0, "problem": str(error)})
        return
    agent.say({"id": 0, "ready": True})
    agent.serve()


if __name__ == "__main__":
    main()
