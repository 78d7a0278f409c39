"""Replaces parts of the emulator, and refuses to when the part is not there: its internals belong to one version."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Callable


def replace(module: ModuleType, name: str, make: Callable[[Any], Any]) -> None:
    """Puts `make(original)` in the place of `module.name`."""
    original = getattr(module, name, None)
    if original is None:
        sys.exit(f"sandbox: {module.__name__} has no {name}; sandbox/requirements.txt pins another version of ministack")
    setattr(module, name, make(original))
