"""Writes what a check run of Ansible says to a file, one JSON line per event, with nothing secret in it.

For ansible-core 2.12 and newer; uses the standard library and Ansible's own interface only. It judges nothing: the
rules are in drift/nodes. Every line carries a number, so that a lost one shows, and the last line the statistics of
Ansible itself, so that an event that never became a line shows too.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import time

from ansible import context
from ansible.errors import AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.parsing.vault import VaultLib
from ansible.playbook.handler import Handler
from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import callback_loader
from ansible.release import __version__ as ansible_version
from ansible.template import Templar

DOCUMENTATION = """
name: plumbline_events
type: stdout
short_description: one JSON line per event, without secrets
description:
  - Streams the events of a check run to the file that PLUMBLINE_EVENTS names, which must not exist yet.
  - PLUMBLINE_SOURCE is the folder that paths are told from, by default the one of the playbook.
  - PLUMBLINE_SECRET_VARIABLES names variables whose values are secret, separated by commas.
"""

FORMAT = "plumbline.nodes/1"
HIDDEN = "(sensitive)"
MIN_SECRET = 6
MAX_NAME = 1000
MAX_ITEM = 300
MAX_MESSAGE = 1000
# One side of a difference as it is written, and the most of it that is searched for secrets: the rest is not shown.
MAX_SIDE = 4000
MAX_SEARCHED = 1024 * 1024
MAX_DIFFS = 4
MAX_DEPTH = 12
CONTEXT_LINES = 2

# A name that ends like this holds a secret, and all that lies below it.
SECRET_NAME = re.compile(
    r"(pass(wd|word|phrase|wort)?|pwd|secret|token|credential|community|psk"
    r"|(api|access|private|secret|encryption|signing|account|shared|license)[_-]?key)s?[0-9]*"
    r"([_-]?(value|hash|text|string|data|pem|b64|base64|sha256|sha512))?$|^vault_",
    re.IGNORECASE,
)
SECRET_WORD = (
    r"(?:pass(?:wd|word|phrase)?|pwd|secret|token|credential|(?:api|access|private|secret)[_-]?key)s?"
    r"(?:[_-]?(?:value|hash|data|text|base|base64|b64|old|new|[0-9]{1,3}))?"
)
# Every repetition that may begin at many places is bounded: a hostile text costs no more than a long one.
PATTERNS = tuple(
    (re.compile(pattern, flags), replacement)
    for pattern, flags, replacement in (
        # A private key, also one whose end is not there.
        (
            r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY[A-Z ]*)-----.*?(-----END \1-----|\Z)",
            re.DOTALL,
            "-----BEGIN PRIVATE KEY----- " + HIDDEN,
        ),
        (r"\$ANSIBLE_VAULT;[^\n]*(\n[ \t]*[0-9a-f]+)*", 0, HIDDEN),
        # https://user:password@host
        (r"(\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@\"']{0,200}):[^\s/@\"']{1,1000}@", re.IGNORECASE, r"\1:" + HIDDEN + "@"),
        (r"\b((?:Bearer|Basic)\s+)[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE, r"\1" + HIDDEN),
        # crypt(3)
        (r"\$(?:[0-9]|2[abxy]|y|gy|5|6|argon2[a-z]*|scrypt|pbkdf2[a-z0-9-]*)\$[^\s:\"']+", 0, HIDDEN),
        (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", 0, HIDDEN),
        (r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-|sk_live_|AIza)[A-Za-z0-9_-]{10,}", 0, HIDDEN),
        (r"\beyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,4000}(\.[A-Za-z0-9_-]*)?", 0, HIDDEN),
        # A block of YAML: name: | and the lines that stand deeper
        (
            r"^([ \t]{0,80})((?![ \t])[^\n]{0,200}?" + SECRET_WORD + r"[\"']?[ \t]{0,9}:[ \t]{0,9}[|>][^\n]*\n)"
            r"(?:\1[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+",
            re.IGNORECASE | re.MULTILINE,
            r"\1\2\1  " + HIDDEN + "\n",
        ),
        # name: "value", name = value, and what JSON and YAML make of it
        (
            r"(" + SECRET_WORD + r"[\"']?[ \t]{0,9}[:=][ \t]{0,9})"
            r"(\"(?:[^\"\\\n]|\\.)*\"?|'[^'\n]*'?|[^\s\"'][^\n]*)",
            re.IGNORECASE,
            r"\1" + HIDDEN,
        ),
        # --password value
        (
            r"((?<![\w-])--?[\w-]{0,60}" + SECRET_WORD + r"[ =])(?!" + re.escape(HIDDEN) + r")\S+",
            re.IGNORECASE,
            r"\1" + HIDDEN,
        ),
    )
)

LOOKUP = re.compile(r"\b(lookup|query|q)\b")
# How `script` says that its `creates` or `removes` holds: it was compared, though the event is "skipped".
SCRIPT_GUARD = re.compile(r"matching (creates|removes) option$")


class Secrets:
    """Values that no line may hold."""

    def __init__(self, named):
        self._named = named
        self._values = set()
        self._longest_first = None

    def learn(self, value, depth=0):
        """Every scalar of a value is a secret."""
        if depth > MAX_DEPTH or value is None or isinstance(value, bool):
            return
        if isinstance(value, dict):
            for item in list(value.values()):
                self.learn(item, depth + 1)
        elif isinstance(value, (list, tuple, set)):
            for item in list(value):
                self.learn(item, depth + 1)
        else:
            text = to_text(value, errors="surrogateescape", nonstring="simplerepr")
            for form in {text, text.strip(), json.dumps(text)[1:-1]} | set(text.strip().splitlines()):
                if len(form.strip()) >= MIN_SECRET and "{{" not in form and form not in HIDDEN:
                    self._values.add(form)
                    self._longest_first = None

    def learn_below(self, variables, depth=0):
        """What lies under a name that looks secret, or that the config names, and what a vault holds, at any depth."""
        if depth > MAX_DEPTH:
            return
        if hasattr(variables, "_ciphertext"):
            self.learn(str(variables))  # It would be opened in another process, which cannot tell us.
        if isinstance(variables, (list, tuple)):
            for item in variables:
                self.learn_below(item, depth + 1)
        if not isinstance(variables, dict):
            return
        for name, value in list(variables.items()):
            if isinstance(name, str) and (name in self._named or SECRET_NAME.search(name)):
                self.learn(value)
            else:
                self.learn_below(value, depth + 1)

    def learn_document(self, plain):
        """Every value of a text that a vault held: a single value, or the lines of a YAML file."""
        text = to_text(plain, errors="surrogateescape")
        self.learn(text)
        for line in text.splitlines():
            value = re.sub(r"^\s*(-\s+)*([\w.\"' -]+:\s+)?", "", line)
            self.learn(value.strip().strip("\"'"))

    def redact(self, text):
        if self._longest_first is None:
            self._longest_first = sorted(self._values, key=len, reverse=True)
        for value in self._longest_first:
            if value in text:
                text = text.replace(value, HIDDEN)
        for pattern, replacement in PATTERNS:
            text = pattern.sub(replacement, text)
        return text


class Lines:
    """The file that is written. A line is lost rather than the play, and the next number tells of it."""

    def __init__(self, name):
        if not name:
            raise AnsibleError("PLUMBLINE_EVENTS is not set; it names the file that the events are written to")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
            self._file = os.open(name, flags, 0o600)
        except OSError as error:
            raise AnsibleError("the events cannot be written to %s: %s" % (name, error.strerror)) from error
        self._next = 0

    def write(self, event, **fields):
        number, self._next = self._next, self._next + 1
        data = (json.dumps({"seq": number, "event": event, **fields}, ensure_ascii=True) + "\n").encode("ascii")
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError:
            return


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "plumbline_events"

    def __init__(self, display=None, options=None):
        super().__init__(display=display, options=options)
        named = (name.strip() for name in os.environ.get("PLUMBLINE_SECRET_VARIABLES", "").split(","))
        self._named = frozenset(name for name in named if name)
        self._secrets = Secrets(self._named)
        self._lines = Lines(os.environ.get("PLUMBLINE_EVENTS"))
        self._planned = []
        self._plays = []
        self._play = -1
        self._play_object = None
        self._base = os.environ.get("PLUMBLINE_SOURCE")
        self._known = set()
        self._started = set()
        self._blind = {}
        stay_alone()
        self._learn_from_vaults()
        arguments = context.CLIARGS
        self._lines.write(
            "begin",
            format=FORMAT,
            ansible=ansible_version,
            python=platform.python_version(),
            check=bool(arguments.get("check")),
            diff=bool(arguments.get("diff")),
            time=now(),
        )

    # Redaction

    def _learn_from_vaults(self):
        """Whatever a vault gives is secret, under whatever name."""
        secrets = self._secrets
        original = VaultLib.decrypt_and_get_vault_id

        def decrypt(vault, *arguments, **options):
            result = original(vault, *arguments, **options)
            secrets.learn_document(result[0])
            return result

        VaultLib.decrypt_and_get_vault_id = decrypt

    def _learn_early_vaults(self, loader):
        """Files of extra variables are read before this plugin: they are decrypted once more."""
        for given in context.CLIARGS.get("extra_vars") or ():
            name = to_text(given)
            if name.startswith("@"):
                with open(os.path.expanduser(name[1:]), "rb") as file:
                    is_vault = file.read(14) == b"$ANSIBLE_VAULT"
                if is_vault:
                    loader._get_file_contents(name[1:])

    def _learn_variables(self, host):
        """The values that the host's variables have in this play; once for each."""
        key = (self._play, host.get_name())
        if key in self._known:
            return
        self._known.add(key)
        manager = self._play_object.get_variable_manager()
        try:
            variables = manager.get_vars(play=self._play_object, host=host)
        except AnsibleError:
            return  # A vault that does not open: Ansible says so itself, and no task runs.
        shown = {name: value for name, value in variables.items() if name not in ("hostvars", "vars", "groups")}
        self._secrets.learn_below(shown)
        for name, value in shown.items():
            if isinstance(value, str) and "{{" in value and (name in self._named or SECRET_NAME.search(name)):
                self._learn_templated(name, value, variables)

    def _learn_templated(self, name, value, variables):
        """A lookup is not done again: it may make what it looks for."""
        try:
            if LOOKUP.search(value):
                raise AnsibleError("it comes from a lookup")
            templar = Templar(loader=self._play_object.get_loader(), variables=variables)
            self._secrets.learn(templar.template(value))
        except AnsibleError:
            if name in self._named:
                self._odd("the value of the variable %s is not known: where it stands alone it cannot be hidden" % name)

    def _text(self, value, limit):
        text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
        text = self._secrets.redact(str(text[:MAX_SEARCHED]))
        return text if len(text) <= limit else text[:limit] + "..."

    # Events

    def _guarded(self, host, handle):
        """Nothing that goes wrong here may stop the play, and nothing of it may go unsaid."""
        try:
            handle()
        except Exception as error:  # pylint: disable=broad-except
            place = error.__traceback__
            while place.tb_next is not None and place.tb_next.tb_frame.f_code.co_filename == __file__:
                place = place.tb_next
            text = "%s in line %d of the plugin" % (type(error).__name__, place.tb_lineno)
            self._odd(text, host=host, lost=True)  # Its message may hold anything.

    def _odd(self, text, host=None, lost=False):
        self._lines.write("odd", host=host, text=text, lost=lost)

    def v2_playbook_on_start(self, playbook):
        def handle():
            self._planned = playbook.get_plays()
            self._plays = [play._uuid for play in self._planned]
            self._base = os.path.realpath(self._base or playbook._basedir)
            self._lines.write("playbook", plays=len(self._plays))

        self._guarded(None, handle)

    def v2_playbook_on_play_start(self, play):
        def handle():
            is_first = self._play_object is None
            self._play_object = play
            if play._uuid not in self._plays:
                self._plays.append(play._uuid)
            self._play = self._plays.index(play._uuid)
            if is_first:
                self._learn_early_vaults(play.get_loader())
            inventory = play.get_variable_manager()._inventory
            if is_first:
                self._lines.write("plan", hosts=[planned_hosts(inventory, planned) for planned in self._planned])
            expected = inventory.get_hosts(play.hosts, ignore_restrictions=True)
            limit = play.max_fail_percentage
            self._lines.write(
                "play",
                play=self._play,
                name=self._text(play.get_name(), MAX_NAME),
                hosts=[host.get_name() for host in expected],
                batch=[host.get_name() for host in inventory.get_hosts(play.hosts)],
                maxFailPercentage=None if limit is None else float(limit),
            )

        self._guarded(None, handle)

    def v2_playbook_on_no_hosts_matched(self):
        self._lines.write("no-hosts", play=self._play)

    def v2_playbook_on_no_hosts_remaining(self):
        self._lines.write("no-hosts-left", play=self._play)

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._guarded(None, lambda: self._start(task))

    def v2_playbook_on_handler_task_start(self, task):
        self._guarded(None, lambda: self._start(task))

    def v2_runner_on_ok(self, result):
        self._result(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._result(result, "failed", ignored=bool(ignore_errors))

    def v2_runner_on_unreachable(self, result):
        self._result(result, "unreachable")

    def v2_runner_on_skipped(self, result):
        self._result(result, "skipped")

    def v2_runner_item_on_ok(self, result):
        self._item(result, "ok")

    def v2_runner_item_on_failed(self, result):
        self._item(result, "failed")

    def v2_runner_item_on_skipped(self, result):
        self._item(result, "skipped")

    def v2_playbook_on_stats(self, stats):
        def handle():
            summaries = {host: stats.summarize(host) for host in sorted(stats.processed)}
            self._lines.write("end", stats=summaries, time=now())

        self._guarded(None, handle)

    def _start(self, task):
        if task._uuid not in self._started:
            self._started.add(task._uuid)
            self._secrets.learn_below(task.get_vars())
            self._secrets.learn_below(task.args)
            self._lines.write("start", play=self._play, task=self._task(task, self._name(task, None)))

    def _result(self, result, event, **fields):
        host = result._host.get_name()

        def handle():
            task = result._task
            self._learn(result)
            name = self._name(task, result._host)
            said = self._said(result, event)
            if said["status"] == "unverifiable":
                self._blind.setdefault(host, set()).update(names_of(task.register))
            if said["status"] == "skipped":
                used = [register for register in sorted(self._blind.get(host, ())) if uses(task.when, register)]
                fields.update({"dependsOn": used} if used else {})
            self._lines.write("task", play=self._play, host=host, task=self._task(task, name), **said, **fields)

        self._guarded(host, handle)

    def _item(self, result, event):
        host = result._host.get_name()

        def handle():
            self._learn(result)
            raw = result._result
            label = raw.get("_ansible_item_label", raw.get(raw.get("ansible_loop_var", "item")))
            item = HIDDEN if is_hidden(result) else self._text(label, MAX_ITEM)
            said = self._said(result, event)
            self._lines.write("item", play=self._play, host=host, id=result._task._uuid, item=item, **said)

        self._guarded(host, handle)

    def _learn(self, result):
        self._learn_variables(result._host)
        raw = result._result
        self._secrets.learn_below(raw.get("ansible_facts"))
        if "ansible_loop_var" in raw:
            self._secrets.learn_below(raw.get(raw["ansible_loop_var"]))
            self._secrets.learn_below(raw.get("_ansible_item_label"))

    def _task(self, task, name):
        source = task.args.get("src") if isinstance(task.args, dict) else None
        fields = {"src": self._text(source, MAX_NAME)} if isinstance(source, str) and "{{" not in source else {}
        if is_meta(task):
            fields["meta"] = self._text(task.args.get("_raw_params", ""), MAX_NAME)
        return {
            "id": task._uuid,
            "name": self._text(name, MAX_NAME),
            "path": self._path(task.get_path()),
            "module": to_text(getattr(task, "resolved_action", None) or task.action),
            "handler": isinstance(task, Handler),
            "checkMode": bool(task.check_mode),
            "changedWhen": literal(task.changed_when),
            "failedWhen": literal(task.failed_when),
            "when": bool(task.when),
            "stopsAll": bool(task.any_errors_fatal) or bool(task.run_once),
            **fields,
        }

    def _name(self, task, host):
        """As it is written, with its variables where they are this host's and not under no_log; the role's in front."""
        shown = task.get_name()
        source = getattr(task, "_ds", None)  # Tasks that Ansible adds by itself have none.
        written = source.get("name") if isinstance(source, dict) else None
        if not isinstance(written, str) or "{{" not in written or not task.name or not shown.endswith(task.name):
            return shown
        name = written
        if host is not None and task.no_log is not True and not LOOKUP.search(written):
            try:
                variables = self._play_object.get_variable_manager().get_vars(
                    play=self._play_object, host=host, task=task
                )
                name = to_text(Templar(loader=self._play_object.get_loader(), variables=variables).template(written))
            except AnsibleError:
                name = written  # A variable of the loop, which has a value for each item only.
        return shown[: -len(task.name)] + name

    def _path(self, location):
        """`file:line`, from the folder of the source."""
        file, _, line = (location or "").rpartition(":")
        if self._base and file:
            below = os.path.relpath(os.path.realpath(file), self._base)
            file = file if below.startswith("../../") else below
        return self._text("%s:%s" % (file, line) if file else "", MAX_NAME)

    def _said(self, result, event):
        """What a result says, of all that it holds."""
        raw = result._result
        hidden = is_hidden(result)
        said = {"status": self._status(result, event, hidden)}
        if hidden:
            said["hidden"] = True
        if result._task.failed_when and literal(result._task.failed_when) == "never" and event == "ok":
            if hides_failure(raw, hidden, result._task):
                said["hidesFailure"] = True
        if event in ("failed", "unreachable") and not hidden and raw.get("msg") is not None:
            said["message"] = self._text(raw["msg"], MAX_MESSAGE)
        path = None if hidden else key_of(raw)
        if path is not None:
            said["path"] = self._text(path, MAX_NAME)
        if said["status"] == "changed" and not hidden:
            diffs = raw.get("diff")
            shown = [self._diff(diff) for diff in as_list(diffs)[:MAX_DIFFS] if says_something(diff)]
            if shown:
                said["diff"] = shown
        return said

    def _status(self, result, event, hidden):
        raw = result._result
        if event == "ok":
            return "changed" if raw.get("changed") else "ok"
        if event != "skipped":
            return event
        if is_meta(result._task):
            return "skipped"
        reason = raw.get("skip_reason") or raw.get("skipped_reason")
        if reason in ("Conditional result was False", "No items in the list"):
            return "skipped"
        if hidden:
            return "hidden"
        if "results" in raw and all(is_when_skip(item) for item in as_list(raw["results"])):
            return "skipped"
        if result._task.action.endswith("script") and SCRIPT_GUARD.search(str(raw.get("msg", ""))):
            return "ok"
        return "unverifiable"

    def _diff(self, diff):
        if "src_binary" in diff or "dst_binary" in diff:
            return {"form": "binary"}
        if "src_larger" in diff or "dst_larger" in diff:
            return {"form": "larger"}
        if "prepared" in diff and "before" not in diff:
            return {"form": "prepared", "after": self._side(diff["prepared"])}
        before, after = diff.get("before"), diff.get("after")
        if isinstance(before, dict) or isinstance(after, dict):
            form = {"form": "attributes"}
            before, after = (attributes(side, other) for side, other in ((before, after), (after, before)))
            texts = (before and self._secrets.redact(before), after and self._secrets.redact(after))
            form["absent"] = [state(diff.get(side)) == "absent" for side in ("before", "after")]
        else:
            form = {"form": "text"}
            texts = tuple(self._searched(side) for side in (before, after))
            if None not in texts:
                texts = differing(*texts)
            form["absent"] = [before in ("", None), after in ("", None)]
        return {**form, "before": self._cut(texts[0], before), "after": self._cut(texts[1], after)}

    def _side(self, value):
        return self._cut(self._searched(value), value)

    def _searched(self, value):
        """The redacted text; null: too much to be searched, so nothing of it may be shown."""
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        return None if len(text) > MAX_SEARCHED else self._secrets.redact(text)

    def _cut(self, text, whole):
        """A bounded side, which says how long it was; by its hash another change beyond the cut is seen."""
        length = len(whole) if isinstance(whole, str) else len(text or "")
        if text is None:
            return {"text": "", "cut": length}
        if len(text) <= MAX_SIDE:
            return {"text": text}
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return {"text": text[:MAX_SIDE], "cut": length, "sha256": digest}


def stay_alone():
    """Callbacks that lie beside the playbook or in its roles are not loaded: they would tell others of a run that is none."""
    callback_loader.all = lambda *arguments, **options: iter(())


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def planned_hosts(inventory, play):
    """The hosts of a play that has not begun; null where its pattern is not yet known."""
    if "{{" in str(play.hosts):
        return None
    return [host.get_name() for host in inventory.get_hosts(play.hosts, ignore_restrictions=True)]


def as_list(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def says_something(diff):
    """Whether it holds more than headers."""
    return isinstance(diff, dict) and any(not name.endswith("_header") for name in diff)


def literal(conditions):
    """`never` and `always` for conditions that are written as a plain false or true."""
    values = {str(condition).strip().lower() for condition in as_list(conditions)}
    if not values:
        return None
    if values <= {"false", "no"}:
        return "never"
    return "always" if values <= {"true", "yes"} else "expression"


def names_of(register):
    """The variables that a task registers: newer versions allow several."""
    return [register] if isinstance(register, str) else [str(name) for name in register or ()]


def uses(conditions, register):
    return re.search(r"\b%s\b" % re.escape(register), " ".join(map(str, as_list(conditions)))) is not None


def is_hidden(result):
    raw = result._result
    return bool(raw.get("_ansible_no_log")) or "censored" in raw or result._task.no_log is True


def is_meta(task):
    return task.action in ("meta", "ansible.builtin.meta", "ansible.legacy.meta")


def is_when_skip(item):
    return isinstance(item, dict) and item.get("skip_reason") == "Conditional result was False"


def hides_failure(raw, hidden, task):
    """Whether `failed_when: false` made a failure look like success; when nobody can tell, it did."""
    if "results" in raw or task.action.rpartition(".")[2] == "debug":
        return False
    if hidden:
        return True
    code = raw.get("rc")
    if isinstance(code, int):
        return code != 0
    return not raw.get("changed") and bool(raw.get("msg") or raw.get("exception"))


def key_of(raw):
    """The file or key that a task speaks of. A header may name a temporary file of the controller: it comes last."""
    arguments = (raw.get("invocation") or {}).get("module_args") or {}
    found = [raw.get("dest"), raw.get("path")] + [arguments.get(name) for name in ("dest", "path", "name")]
    found += [diff.get("before_header") for diff in as_list(raw.get("diff")) if isinstance(diff, dict)]
    for value in found:
        if isinstance(value, str) and value:
            return re.sub(r" \((content|file attributes)\)$", "", value)
    return None


def state(side):
    return side.get("state") if isinstance(side, dict) else None


def attributes(side, other):
    """The attributes that differ, or all where both sides are the same."""
    if not isinstance(side, dict):
        return "" if side is None else str(side)
    other = other if isinstance(other, dict) else {}
    differing_only = {name: value for name, value in side.items() if name not in other or other[name] != value}
    chosen = differing_only or ({} if any(side.get(name) != other[name] for name in other) else side)
    return json.dumps(chosen, sort_keys=True, default=str, ensure_ascii=False) if chosen else ""


def differing(before, after):
    """Both texts without the lines they share at their beginning and end, but for a few."""
    left, right = before.splitlines(True), after.splitlines(True)
    shortest = min(len(left), len(right))
    head = 0
    while head < shortest and left[head] == right[head]:
        head += 1
    tail = 0
    while tail < shortest - head and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    head, tail = max(0, head - CONTEXT_LINES), max(0, tail - CONTEXT_LINES)
    return "".join(left[head : len(left) - tail]), "".join(right[head : len(right) - tail])
