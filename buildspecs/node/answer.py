"""What is said in the end: one line, whatever happened."""

import errno
import json

MARK = "plumbline-node/1 "
# The agent's List calls show the first 2,500 characters of all that was printed; the line is at most 2,000.
MAX_SENTENCE = 700
MAX_WORD = 40
MAX_PATH = 100
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Problem(Exception):
    """Why there is no stream: one sentence with a remedy, without secrets."""


def new_answer():
    words = ("sha256", "size", "exit", "hint", "problem", "ansible", "python", "left")
    return {word: None for word in words}


def problem_of(error):
    """What is not known to us is told by its kind alone: its message may hold anything."""
    if isinstance(error, Problem):
        return str(error)
    if isinstance(error, OSError) and error.errno in FULL:
        return "the disk of the node is full: make room below /var/tmp, where a run keeps its files"
    if isinstance(error, OSError) and error.strerror:
        return "the node's system refused something: %s (line %d)" % (error.strerror, line_of(error))
    return "the run ended with an error that was not expected: %s in line %d" % (type(error).__name__, line_of(error))


def line_of(error):
    place = error.__traceback__
    while place.tb_next is not None and place.tb_next.tb_frame.f_code.co_filename == __file__:
        place = place.tb_next
    return place.tb_lineno


def bounded(text, most):
    """Printable ASCII alone, which a terminal shows as it is, and nothing that JSON makes longer."""
    if text is None:
        return None
    plain = " ".join(text.split()).replace('"', "'").replace("\\", "/")
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in plain)
    return shown if len(shown) <= most else shown[: most - 3] + "..."


def line(answer):
    sentences = {name: bounded(answer[name], MAX_SENTENCE) for name in ("hint", "problem")}
    words = {name: bounded(answer[name], MAX_WORD) for name in ("ansible", "python")}
    left = bounded(answer["left"], MAX_PATH)
    return MARK + json.dumps({**answer, **sentences, **words, "left": left}, separators=(",", ":"))
