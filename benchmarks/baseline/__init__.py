"""The contender ``baseline``: a careful hand-written loop for this one model.

It uses the same event classes, a dictionary of handlers, msgspec and one table. It checks that each event is
the next one of its account, and decodes it to its typed class.
"""

from benchmarks.baseline.accounts import BaselineBank, BaselineSnapshots
from benchmarks.baseline.chained import ChainedBaselineBank
from benchmarks.baseline.sequences import BaselineItems, BaselineMessages

__all__ = ["array", "chained", "log", "plain", "snapshotting", "unverified"]

plain, snapshotting = BaselineBank, BaselineSnapshots
chained = unverified = ChainedBaselineBank  # "unverified": the peer of that row does less
array, log = BaselineItems, BaselineMessages
