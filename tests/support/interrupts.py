"""Interrupts at each instruction of some modules: what a signal handler or another thread may raise.

Python 3.11 runs signal handlers after a call, and at the start of a function or of a turn of a loop; nowhere
else. `with` relies on it: no handler runs between the end of its block and the call that leaves it.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Collection
from types import FrameType
from typing import Final, TypeAlias

Tracer: TypeAlias = "Callable[[FrameType, str, object], Tracer | None]"

SIGNALS_AFTER: Final = {"CALL", "CALL_FUNCTION_EX", "RESUME", "JUMP_BACKWARD"}
"""The instructions of Python 3.11 after which a signal handler may run."""


class Interrupts:
    """Raises ``KeyboardInterrupt`` at one instruction of the code of some files.

    With ``only_signals``, only instructions count at which a signal handler may run.

    Attributes:
        at: the number of the instruction, from 0.
        seen: the number of instructions so far.
    """

    def __init__(self, files: Collection[str], at: int, *, only_signals: bool = False) -> None:
        self._files = files
        self._only_signals = only_signals
        self.at = at
        self.seen = 0

    def run(self, call: Callable[[], object]) -> bool:
        """Call a function; return whether it was interrupted."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            call()
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(before)
        return False

    def _enter(self, frame: FrameType, event: str, argument: object) -> Tracer | None:
        if not frame.f_code.co_filename.endswith(tuple(self._files)):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        before = "RESUME"

        def step(frame: FrameType, event: str, argument: object) -> Tracer | None:
            nonlocal before
            if event == "opcode":
                if before in SIGNALS_AFTER or not self._only_signals:
                    self.seen += 1
                    if self.seen == self.at + 1:
                        raise KeyboardInterrupt
                before = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            return step

        return step
