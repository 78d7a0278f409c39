"""Writes what a check run of Ansible says to a file, one JSON line per event, with nothing secret in it.

For ansible-core 2.12 and newer; uses the standard library and Ansible's own interface only. It judges nothing: the
rules are in drift/nodes. Every line carries a number, so that a lost one shows, and the last line the statistics of
Ansible itself, so that an event that never became a line shows too.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import platform
import re
import time
from urllib.parse import quote

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
    r"(pass(wd|word|phrase|wort)?|pwd?|secret|token|credential|creds|community|psk|cookie"
    r"|(api|access|private|secret|encryption|signing|account|(pre[_-]?)?shared|license|master|unseal|hmac|auth)[_-]?key)"
    r"s?[0-9]*([_-]?(value|hash|text|string|data|pem|b64|base64|sha256|sha512))?$|^vault_",
    re.IGNORECASE,
)
# Values of such names that say nothing: of `update_password`, and words for a state.
HARMLESS = frozenset(("always", "on_create", "present", "absent", "latest", "default", "required", "enabled", "disabled"))
# A path says where a secret is. A part that looks like chance is one itself.
PATH = re.compile(r"(?:/[\w.@+-]+){2,}/?")
CHANCE = re.compile(r"(?=[^/._-]*[0-9])(?=[^/._-]*[a-z])(?=[^/._-]*[A-Z])[^/._-]{16,}")
# What a registered result says of the node.
OUTPUTS = ("stdout", "stdout_lines", "content", "json", "value", "results")
SECRET_WORD = (
    r"(?:pass(?:wd|word|phrase|wort)?|pwd|(?<![a-z])pw|secret|token|credential|requirepass|authpass|masterauth|bindpw|rootpw|psk"
    r"|(?:api|access|private|secret|account|encryption|signing|(?:pre[_-]?)?shared)[_-]?key)s?"
    r"(?:[_-]?(?:value|hash|data|text|base|base64|b64|old|new|[0-9]{1,3}))?"
)
# Every repetition that may begin at many places is bounded: a hostile text costs no more than a long one.
PATTERNS = tuple(
    (re.compile(pattern, flags), replacement)
    for pattern, flags, replacement in (
        # A private key, also one whose end is not there, and as base64.
        (
            r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY[A-Z ]*)-----.*?(-----END \1-----|\Z)",
            re.DOTALL,
            "-----BEGIN PRIVATE KEY----- " + HIDDEN,
        ),
        (r"LS0tLS1CRUdJTiB(?!D)[A-Za-z0-9+/=\s]{8,}", 0, HIDDEN),
        (r"\$ANSIBLE_VAULT;[^\n]*(\n[ \t]*[0-9a-f]+)*", 0, HIDDEN),
        # https://user:password@host
        (r"(\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@\"']{0,200}):[^\s/@\"']{1,1000}@", re.IGNORECASE, r"\1:" + HIDDEN + "@"),
        (r"\b((?:Bearer|Basic)\s+)[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE, r"\1" + HIDDEN),
        # crypt(3), and how LDAP, PostgreSQL and Django keep passwords
        (
            r"\$(?:[0-9]|2[abxy]|y|gy|5|6|apr1|argon2[a-z]*|scrypt|pbkdf2[a-z0-9-]*)\$[^\s:\"']+",
            0,
            HIDDEN,
        ),
        (r"\{(?:S?SHA[0-9]{0,3}|S?MD5|CRYPT)\}[A-Za-z0-9+/=.$]{8,}", re.IGNORECASE, HIDDEN),
        (r"\b(?:SCRAM-SHA-256|pbkdf2_sha[0-9]{1,3})\$[^\s\"']{8,}|\bmd5[0-9a-f]{32}\b", 0, HIDDEN),
        # What providers give: AWS, GitHub, GitLab, Slack, Stripe, Google, npm, PyPI, Docker, Vault, SendGrid, age, …
        (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", 0, HIDDEN),
        (
            r"\b(?:gh[pousr]_|github_pat_|gl(?:pat|rt|dt|ft|cbt|ptt)-|xox[a-z]-|xapp-|[sr]k_(?:live|test)_|whsec_|AIza"
            r"|ya29\.|npm_|pypi-|dckr_pat_|hv[sbr]\.|SG\.|AGE-SECRET-KEY-1|sk-|shp(?:at|ss)_|dop_v1_|ATATT|lin_api_)"
            r"[A-Za-z0-9._-]{10,}",
            0,
            HIDDEN,
        ),
        (r"(hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/_-]+", 0, r"\1" + HIDDEN),
        (r"\beyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,4000}(\.[A-Za-z0-9_-]*)?", 0, HIDDEN),
        # kubeadm's bootstrap tokens
        (r"(?<![\w.])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.])", 0, HIDDEN),
        # A block of YAML: name: | and the lines that stand deeper
        (
            r"^([ \t]{0,80})((?![ \t])[^\n]{0,200}?" + SECRET_WORD + r"[\"']?[ \t]{0,9}:[ \t]{0,9}[|>][^\n]*\n)"
            r"(?:\1[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+",
            re.IGNORECASE | re.MULTILINE,
            r"\1\2\1  " + HIDDEN + "\n",
        ),
        # An entry with a name and a value: of a container's environment, of XML's properties
        (
            r"(\bname[\"']?[ \t]{0,9}[:=][ \t]{0,9}[\"']?[\w.-]{0,60}" + SECRET_WORD + r"[\"']?[ \t]{0,9},?[ \t]{0,9}"
            r"(?:\n[ \t]{0,80})?[\"']?value[\"']?[ \t]{0,9}[:=][ \t]{0,9})"
            r"(\"(?:[^\"\\\n]|\\.)*\"?|'[^'\n]*'?|[^\s\"'][^\n]*)",
            re.IGNORECASE,
            r"\1" + HIDDEN,
        ),
        # <password>value</password>
        (r"(<[\w:.-]{0,60}" + SECRET_WORD + r"(?:\s[^<>\n]{0,200})?>)[^<]+(?=<)", re.IGNORECASE, r"\1" + HIDDEN),
        # name: "value", name = value, and what JSON and YAML make of it
        (
            r"(" + SECRET_WORD + r"[\"']?[ \t]{0,9}[:=][ \t]{0,9})"
            r"(\"(?:[^\"\\\n]|\\.)*\"?|'[^'\n]*'?|[^\s\"'][^\n]*)",
            re.IGNORECASE,
            r"\1" + HIDDEN,
        ),
        # The logins of Docker's config.json
        (r"(\"auth\"\s{0,9}:\s{0,9}\")[A-Za-z0-9+/=]{8,}", 0, r"\1" + HIDDEN),
        # --password value
        (
            r"((?<![\w-])--?[\w-]{0,60}" + SECRET_WORD + r"[ =])(?!" + re.escape(HIDDEN) + r")\S+",
            re.IGNORECASE,
            r"\1" + HIDDEN,
        ),
        # mysql -pvalue, sshpass -p value, curl -u name:value
        (r"(\b(?:mysql|mariadb)\w{0,20}[ \t][^\n|;]{0,200}?(?<=[ \t])-p)[^\s\"']+", 0, r"\1" + HIDDEN),
        (r"(\bsshpass[ \t]+-p[ \t]{0,9})\S+", 0, r"\1" + HIDDEN),
        (r"((?<![\w-])(?:-u|--user)[ =][\w.@-]{1,100}:)(?![0-9]+\b)[^\s\"']+", 0, r"\1" + HIDDEN),
        # A line of its own: requirepass value; machine … login … password value; host:port:database:user:password
        (
            r"^([ \t]{0,80}(?:set[ \t]{1,9})?[\w.-]{0,60}" + SECRET_WORD + r"[ \t]{1,80})"
            r"(?!(?:yes|no|true|false|on|off|none|null|is|was|for|of)\b|[:=]|" + re.escape(HIDDEN) + r")\S+[ \t]*$",
            re.IGNORECASE | re.MULTILINE,
            r"\1" + HIDDEN,
        ),
        (r"(\blogin\s{1,9}\S{1,200}\s{1,9}password\s{1,9})(?!" + re.escape(HIDDEN) + r")\S+", 0, r"\1" + HIDDEN),
        (r"^([\w.*-]{1,200}:(?:[0-9]{1,5}|\*):[^:\s]{1,100}:[^:\s]{1,100}:)\S+$", re.MULTILINE, r"\1" + HIDDEN),
    )
)

KUBERNETES_SECRET = re.compile(r"^kind:[ \t]*[\"']?Secret\b", re.MULTILINE)
# Before, a template of `any_errors_fatal` held for true, whatever it gave.
RESOLVES_FATAL = tuple(int(part) for part in ansible_version.split(".")[:2]) >= (2, 21)
# Actions that run once, for all hosts of the play.
FOR_ALL_HOSTS = ("add_host", "pause")
LOOKUP = re.compile(r"\b(lookup|query|q)\b")
# Lookups that only read: they may be done again.
READS = re.compile(r"\b(lookup|query|q)\(\s*[\"'](ansible\.builtin\.)?(env|file|vars|ini|csvfile|unvault)[\"']")
# How actions say that their `creates` or `removes` holds: it was compared, though the event is "skipped".
GUARDS = {
    "script": re.compile(r"matching (creates|removes) option$"),
    "unarchive": re.compile(r"^skipped, since .* exists$", re.DOTALL),
}


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
            for form in forms_of(text):
                if len(form.strip()) >= MIN_SECRET and "{{" not in form and form not in HIDDEN:
                    self._values.add(form)
                    self._longest_first = None

    def is_secret(self, name):
        return isinstance(name, str) and (name in self._named or SECRET_NAME.search(name) is not None)

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
            if self.is_secret(name):
                self.learn_named(name, value)
            else:
                self.learn_below(value, depth + 1)

    def learn_named(self, name, value):
        """What stands under a name that looks secret, unless it only says where the secret is."""
        is_plain = isinstance(value, str) and (value in HARMLESS or PATH.fullmatch(value) and not CHANCE.search(value))
        if not is_plain or name in self._named:
            self.learn(value)

    def learn_output(self, result, depth=0):
        """What a result says of the node, by which a secret came here."""
        if isinstance(result, list):
            for item in result:
                self.learn_output(item, depth + 1)
        if not isinstance(result, dict) or depth > MAX_DEPTH:
            return
        for name in OUTPUTS:
            value = result.get(name)
            if name == "results":
                self.learn_output(value, depth + 1)
            elif name == "content" and result.get("encoding") == "base64":
                self.learn(base64.b64decode(value or "").decode("utf-8", "surrogateescape"))
            else:
                self.learn(value)

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
        return without_data(text) if KUBERNETES_SECRET.search(text) else text


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
        self._kept = []
        self._fatal = set()
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
        """The values that the host's variables have in this play, or the play's own; once for each."""
        key = (self._play, host and host.get_name())
        if key in self._known:
            return
        self._known.add(key)
        try:
            variables = self._variables(host)
        except AnsibleError:
            return  # A vault that does not open: Ansible says so itself, and no task runs.
        shown = {name: value for name, value in variables.items() if name not in ("hostvars", "vars", "groups")}
        self._learn_all(shown, variables)

    def _variables(self, host, task=None):
        manager = self._play_object.get_variable_manager()
        return manager.get_vars(play=self._play_object, host=host, task=task)

    def _learn_all(self, shown, variables):
        """Secrets among the variables that are shown, with all variables for those that are templates."""
        self._secrets.learn_below(shown)
        for name, value in templates_below(shown, self._secrets.is_secret):
            self._learn_templated(name, value, variables)

    def _learn_templated(self, name, value, variables):
        """Most lookups are not done again: they may make what they look for."""
        try:
            if len(LOOKUP.findall(str(value))) > len(READS.findall(str(value))):
                raise AnsibleError("it comes from a lookup")
            templar = Templar(loader=self._play_object.get_loader(), variables=variables)
            self._secrets.learn_named(name, templar.template(value))
        except Exception:  # pylint: disable=broad-except
            if name in self._named:
                self._odd("the value of the variable %s is not known: where it stands alone it cannot be hidden" % name)

    def _learn_inventory(self, inventory):
        """Variables of hosts that this play may look up, without the files beside the inventory."""
        for holder in list(inventory.hosts.values()) + list(inventory.groups.values()):
            self._secrets.learn_below(holder.vars)

    def _learn_kept(self, result):
        """What a task keeps under a name that looks secret, or under `no_log`: then it is known after this event."""
        task, host = result._task, result._host
        registers = names_of(task.register)
        if is_hidden(result):
            facts = task.args if short_name(task) == "set_fact" and isinstance(task.args, dict) else ()
            if registers or facts:
                self._kept.append((host, registers, facts))
        elif any(self._secrets.is_secret(name) for name in registers):
            self._secrets.learn_output(result._result)
        if short_name(task) == "include_vars":
            self._known.discard((self._play, host.get_name()))

    def _learn_hidden(self):
        """What earlier tasks kept under `no_log`."""
        kept, self._kept = self._kept, []
        for host, registers, facts in kept:
            variables = self._variables(host)
            for name in registers:
                self._secrets.learn_output(variables.get(name))
            for name in facts:
                self._secrets.learn_named(name, variables.get(name))

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
            inventory = play.get_variable_manager()._inventory
            if is_first:
                self._learn_early_vaults(play.get_loader())
                self._learn_inventory(inventory)
            self._learn_variables(None)
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
            self._learn_hidden()
            if task.any_errors_fatal and not RESOLVES_FATAL:
                self._fatal.add(task._uuid)
            self._secrets.learn_below(task.get_vars())
            self._secrets.learn_below(task.args)
            self._lines.write("start", play=self._play, task=self._task(task, self._name(task, None)))

    def _result(self, result, event, **fields):
        host = result._host.get_name()

        def handle():
            task = result._task
            if task.any_errors_fatal is True:
                self._fatal.add(task._uuid)
            self._learn(result)
            name = self._name(task, None if is_hidden(result) else result._host)
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
        host, raw, task = result._host, result._result, result._task
        self._learn_variables(host)
        self._learn_hidden()
        self._learn_kept(result)
        self._secrets.learn_below(raw.get("ansible_facts"))
        self._secrets.learn_below(raw.get("invocation"))
        if "ansible_loop_var" in raw:
            self._secrets.learn_below(raw.get(raw["ansible_loop_var"]))
            self._secrets.learn_below(raw.get("_ansible_item_label"))
        own = task.get_vars()
        if own and (task._uuid, host.get_name()) not in self._known:
            self._known.add((task._uuid, host.get_name()))
            self._learn_all(own, self._variables(host, task))

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
            "stopsAll": task._uuid in self._fatal or bool(task.run_once) or short_name(task) in FOR_ALL_HOSTS,
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
        if host is not None and not LOOKUP.search(written):
            try:
                variables = self._variables(host, task)
                name = to_text(Templar(loader=self._play_object.get_loader(), variables=variables).template(written))
            except Exception:  # pylint: disable=broad-except
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
        if event == "ok" and result._task.failed_when and hides_failure(raw, hidden, result._task):
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
            if is_only_begun(result, hidden):
                return "unverifiable"
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
        guard = GUARDS.get(short_name(result._task))
        if guard is not None and guard.search(str(raw.get("msg", ""))):
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
            form["absent"] = [before in ("", None), diff.get("after_header") == "/dev/null"]
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


def forms_of(text):
    """A value as it may stand in a text: whole, by line, escaped, as base64 (also within a longer one)."""
    stripped = text.strip()
    forms = {text, stripped} | set(stripped.splitlines())
    for form in (text, stripped):
        forms |= {json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1]}
        forms |= {form.replace("'", "''"), form.replace("'", "'\"'\"'"), html.escape(form), html.escape(form, quote=False)}
        data = form.encode("utf-8", "surrogateescape" if is_bytes(form) else "surrogatepass")
        forms |= {quote(data, safe=""), quote(data)}
        if len(data) >= MIN_SECRET:
            for before, first in ((0, 0), (1, 2), (2, 3)):
                encoded = base64.b64encode(bytes(before) + data).decode("ascii")
                inner = encoded[first : (before + len(data)) * 8 // 6]
                forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return forms


def without_data(text):
    """Manifests whose Secrets hold no data; a Secret keeps it under names that tell nothing."""
    documents = re.split(r"(?m)^(?=---)", text)
    for index, document in enumerate(documents):
        if KUBERNETES_SECRET.search(document):
            documents[index] = re.sub(
                r"(?m)^((?:stringData|data):[ \t]*\n)(?:[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+", r"\1  " + HIDDEN + "\n", document
            )
    return "".join(documents)


def is_bytes(text):
    """Whether all its lone surrogates are bytes that were no UTF-8."""
    return not any("\ud800" <= character <= "\udfff" and not "\udc80" <= character <= "\udcff" for character in text)


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


def templates_below(variables, is_secret, depth=0):
    """Secret names, at any depth, whose values are templates."""
    if depth > MAX_DEPTH:
        return
    if isinstance(variables, dict):
        for name, value in list(variables.items()):
            if not is_secret(name):
                yield from templates_below(value, is_secret, depth + 1)
            elif isinstance(value, (str, dict, list)) and "{{" in str(value):
                yield name, value
    elif isinstance(variables, (list, tuple)):
        for item in variables:
            yield from templates_below(item, is_secret, depth + 1)


def is_hidden(result):
    raw = result._result
    return bool(raw.get("_ansible_no_log")) or "censored" in raw or result._task.no_log is True


def is_only_begun(result, hidden):
    """Whether nobody waited for what it says. Under no_log the number of the job is not shown."""
    raw, task = result._result, result._task
    if "results" in raw:
        return False  # Its items say so.
    if hidden:
        return bool(task.async_val) and str(task.poll) == "0"
    return bool(raw.get("ansible_job_id")) and not raw.get("finished")


def short_name(task):
    return task.action.rpartition(".")[2]


def is_meta(task):
    return short_name(task) == "meta"


def is_when_skip(item):
    return isinstance(item, dict) and item.get("skip_reason") == "Conditional result was False"


def hides_failure(raw, hidden, task):
    """Whether `failed_when` made a failure look like success; when nobody can tell, a plain false did."""
    module = short_name(task)
    if "results" in raw or module == "debug":
        return False
    if hidden:
        return literal(task.failed_when) == "never"
    if raw.get("failed_when_result") is not False:
        return False
    if "failed_when_suppressed_exception" in raw:
        return True  # Of modules since 2.19, of all since 2.21.
    code = raw.get("rc")
    if isinstance(code, int):
        return code != 0
    if module == "assert":
        return "assertion" in raw
    message = str(raw.get("msg") or "")
    return not raw.get("changed") and (bool(raw.get("exception")) or bool(message) and not message.startswith("OK ("))


def key_of(raw):
    """The file or key that a task speaks of. A header may name a temporary file of the controller: it comes last."""
    invocation = raw.get("invocation")
    arguments = invocation.get("module_args") if isinstance(invocation, dict) else None
    arguments = arguments if isinstance(arguments, dict) else {}
    named = ("dest", "path", "name", "creates", "removes")
    found = [raw.get("dest"), raw.get("path")] + [arguments.get(name) for name in named]
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
