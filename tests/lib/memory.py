"""What stands in the memory of a process: for secrets that should not.

    places(pid, b"sk-admin-…")      # [(address, bytes around it), …]
"""

import re

_AROUND = 64


def places(pid, word):
    """Every place that can be read, the kernel's own pages left out."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        maps = [re.match(r"(\w+)-(\w+) r", line) for line in file]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for match in filter(None, maps):
            start, end = int(match[1], 16), int(match[2], 16)
            text = _read(memory, start, end - start)
            found += [(start + at.start(), text[max(at.start() - _AROUND, 0):at.end() + _AROUND])
                      for at in re.finditer(re.escape(word), text)]
    return found


def _read(memory, start, size):
    try:
        memory.seek(start)
        text = memory.read(size)
    except (OSError, OverflowError):  # [vvar], [vsyscall]
        return b""
    return text if len(text) == size else text + _read(memory, start + len(text), size - len(text)) if text else b""
