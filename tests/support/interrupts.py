"""Interrupts at each instruction of some modules: what a signal handler or another thread may raise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from types import FrameType
from typing import TypeAlias

Tracer: TypeAlias = "Callable[[FrameType, str, object], Tracer | None]"


class Interrupts:
    """Raises ``KeyboardInterrupt`` at one instruction of the code of some files.

    Attributes:
        at: the number of the instruction, from 0.
        seen: the number of instructions so far.
    """

    def __init__(self, files: Collection[str], at: int) -> None:
        self._files = files
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
        return self._step

    def _step(self, frame: FrameType, event: str, argument: object) -> Tracer | None:
        if event == "opcode":
            self.seen += 1
            if self.seen == self.at + 1:
                raise KeyboardInterrupt
        return self._step
