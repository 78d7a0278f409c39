"""A buildspec (version 0.2) as phases of shell commands."""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

PHASES = ("install", "pre_build", "build", "post_build")


@dataclass(frozen=True)
class Phase:
    name: str
    commands: list[str] = field(default_factory=list)
    always: list[str] = field(default_factory=list)
    go_on: bool = False


@dataclass(frozen=True)
class Buildspec:
    phases: dict[str, Phase]
    variables: dict[str, str]
    parameters: dict[str, str]
    secrets: dict[str, str]


class BuildspecError(ValueError):
    """The buildspec is not one that CodeBuild would take."""


def parse(text: str) -> Buildspec:
    document = yaml.safe_load(text)
    if not isinstance(document, dict) or str(document.get("version")) != "0.2":
        raise BuildspecError("YAML_FILE_ERROR: a buildspec of version 0.2 is needed")
    unknown = set(document) - {"version", "run-as", "env", "phases", "reports", "artifacts", "cache"}
    if unknown:
        raise BuildspecError(f"YAML_FILE_ERROR: unknown keys {sorted(unknown)}")
    env = document.get("env") or {}
    if env.get("shell", "sh") not in ("sh", "bash", "/bin/sh"):
        raise BuildspecError(f"YAML_FILE_ERROR: unknown shell {env.get('shell')}")
    phases = {}
    for name, body in (document.get("phases") or {}).items():
        if name not in PHASES:
            raise BuildspecError(f"YAML_FILE_ERROR: unknown phase {name}")
        phases[name] = Phase(
            name,
            [str(command) for command in body.get("commands") or []],
            [str(command) for command in body.get("finally") or []],
            body.get("on-failure", "ABORT") == "CONTINUE",
        )
    return Buildspec(
        phases,
        {str(k): str(v) for k, v in (env.get("variables") or {}).items()},
        {str(k): str(v) for k, v in (env.get("parameter-store") or {}).items()},
        {str(k): str(v) for k, v in (env.get("secrets-manager") or {}).items()},
    )


def script(phase: Phase, env_file: str) -> str:
    """One shell for a phase; exports go on to the next. A failing command ends the phase, `finally` runs after it."""
    always = "\n".join(phase.always) or ":"
    return "\n".join(
        [
            f"[ -f {env_file} ] && . {env_file}",
            f"plumb_end() {{\nplumb_status=$?\ntrap - EXIT\n{always}\nexport -p > {env_file}\nexit $plumb_status\n}}",
            "trap plumb_end EXIT",
            *(f"{{\n{command}\n}} || exit $?" for command in phase.commands),
        ]
    )
