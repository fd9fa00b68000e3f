"""Faults: for each test of each contract, stores that must fail it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from faulty_appends import (
    AcceptsLostUpdates,
    ChecksAndThenActs,
    ComparesWhatItRemembers,
    ForgetsHashes,
    ForgetsTheLastRow,
    IgnoresWhatItFollows,
    KnowsEveryStream,
    LeavesGaps,
    NamesTheWrongEnds,
    RefusesEmptyBatches,
    RefusesFreeRowsBeforeTheEnd,
    ReplacesWhatIsNoText,
    StaysLockedAfterARefusal,
    StoresPartOfABatch,
    StripsNames,
    TakesAnyNumber,
    TakesTheLatestForTheLast,
)
from faulty_capabilities import (
    AppendsRowByRow,
    AppendsStreamByStream,
    ChecksTheFirstStreamOnly,
    CountsWhatWasRefused,
    GivesTheRowOfTheSnapshotToo,
    JoinsTheRowsOfAStream,
    KeepsSnapshotsAmongTheRows,
    KeepsTheFirstSnapshot,
    LosesTheHeaderOfSnapshots,
    NumbersBeforeItCommits,
    NumbersByStream,
    ReadsTheSnapshotAfterTheRows,
    SortsStreams,
    StoresTheFirstStreamOnly,
    TakesTheHighestSnapshot,
    TakesTheLimitFirst,
    WritesLater,
)
from faulty_engines import (
    AnswersTheChildForAnother,
    RemembersNames,
    StaysLockedAfterAnInterrupt,
    StoresInPartIfInterrupted,
)
from faulty_reads import (
    CutsDataAt255Bytes,
    CutsIds,
    EndsTooSoonWhenItIsClosed,
    GivesRowsOfADriver,
    GivesTheNewestFirst,
    KeepsTheListOfTheCaller,
    KnowsOneDirection,
    OutlivesItsEnd,
    OverflowsAtTheEnd,
    ReadsOnePage,
    RefusesLate,
    SharesItsRows,
    SkipsWhatComesMeanwhile,
    TakesGteForGt,
)
from faulty_servers import AnswersBeforeTheEnd, GivesAllOneId, GuessesNo, GuessesYes, SaysNotStored, StaysAway

from esmodel.rows.protocols import RecordStore
from esmodel.stores.memory import MemoryStore


class Fault(NamedTuple):
    """A test of a contract, a store that must fail it, and a pattern of the failure.

    Attributes:
        test: the name of the test.
        store: the class of the store.
        words: the pattern that the failure must match.
        run_by: the test class that runs the test, in ``test_store_contract.py``.
        passes: values of other parameters of the test, with which it passes on this store too.
    """

    test: str
    store: type[RecordStore]
    words: str
    run_by: str = "TestBrokenStore"
    passes: Mapping[str, tuple[object, ...]] = MappingProxyType({})

    def explains(self, error: BaseException) -> bool:
        """Whether an error is the failure that this fault must lead to."""
        return re.search(self.words, f"{type(error).__name__}: {error}") is not None


FAULTS: Final = [
    # append
    Fault("test_appended_rows_come_back_byte_for_byte", CutsDataAt255Bytes, "law 3: .* byte for byte"),
    Fault("test_any_row_comes_back_unchanged", StripsNames, "law 3: .* byte for byte"),
    Fault("test_every_row_read_is_a_record_of_plain_types", GivesRowsOfADriver, "to be a Record"),
    Fault("test_an_empty_batch_stores_nothing", RefusesEmptyBatches, "expected some, found none"),
    Fault("test_a_second_append_at_one_position_is_refused", AcceptsLostUpdates, "DID NOT RAISE"),
    Fault(
        "test_a_second_append_at_one_position_is_refused", NamesTheWrongEnds, "law 2: ConcurrencyError has"
    ),
    Fault("test_a_refused_batch_stores_nothing", StoresPartOfABatch, "law [12]"),
    Fault("test_a_store_accepts_appends_after_a_refusal", StaysLockedAfterARefusal, "is locked"),
    Fault(
        "test_a_number_beyond_64_bits_is_refused_before_anything_is_stored", TakesAnyNumber, "DID NOT RAISE"
    ),
    Fault("test_a_name_that_is_not_valid_unicode_is_refused", ReplacesWhatIsNoText, "DID NOT RAISE"),
    # an append continues its stream
    Fault("test_an_append_continues_its_stream", ComparesWhatItRemembers, "ConcurrencyError"),
    Fault("test_an_append_that_leaves_a_gap_is_refused", LeavesGaps, "DID NOT RAISE"),
    Fault("test_an_append_that_leaves_a_gap_is_refused", NamesTheWrongEnds, "law 2: ConcurrencyError has"),
    Fault("test_an_append_to_a_stream_that_is_absent_is_refused", LeavesGaps, "DID NOT RAISE"),
    Fault(
        "test_an_append_to_a_stream_that_ends_later_is_refused",
        IgnoresWhatItFollows,
        "DID NOT RAISE",
        passes={"after": (4, 8)},
    ),
    Fault("test_free_rows_leave_gaps_and_fill_them", RefusesFreeRowsBeforeTheEnd, "ConcurrencyError"),
    # read and last
    Fault("test_a_stream_that_was_never_written_is_empty", KnowsEveryStream, "law 4"),
    Fault("test_streams_share_nothing", CutsIds, "ConcurrencyError"),
    Fault("test_bounds_limit_and_direction_select_as_from_a_list", TakesGteForGt, "law 3: .* order"),
    Fault("test_each_bound_alone_is_exact", TakesGteForGt, "law 3: .* order"),
    Fault("test_positions_may_span_all_64_bits", OverflowsAtTheEnd, "law 3"),
    Fault("test_a_long_stream_is_read_whole_and_in_order", ReadsOnePage, "law 3"),
    Fault("test_a_negative_limit_is_refused_at_the_call", RefusesLate, "DID NOT RAISE"),
    Fault("test_rows_may_be_appended_while_a_stream_is_read", SkipsWhatComesMeanwhile, "law 3"),
    Fault("test_last_is_the_highest_position_ever_appended_and_its_hash", TakesTheLatestForTheLast, "law 4"),
    # threads, close and reopening
    Fault("test_of_many_appends_at_one_position_exactly_one_succeeds", ChecksAndThenActs, "law 2"),
    Fault("test_of_many_appends_after_one_position_exactly_one_succeeds", ChecksAndThenActs, "law 2"),
    Fault("test_threads_that_retry_all_store_their_rows", ChecksAndThenActs, "law [12]"),
    Fault("test_a_closed_store_refuses_every_call", OutlivesItsEnd, "expected StoreClosedError"),
    Fault(
        "test_a_store_may_be_closed_while_it_is_read", EndsTooSoonWhenItIsClosed, "a reader that stops early"
    ),
    Fault("test_stores_of_two_folders_share_nothing", SharesItsRows, "a new folder"),
    Fault("test_appended_rows_are_there_when_the_store_is_reopened", MemoryStore, "acknowledged rows stay"),
    # repositories
    Fault("test_an_aggregate_is_loaded_as_it_was_saved", GivesTheNewestFirst, "OriginatorVersionError"),
    Fault(
        "test_a_stale_save_stores_nothing_and_keeps_the_events_pending",
        AcceptsLostUpdates,
        "DID NOT RAISE",
    ),
    Fault("test_a_save_that_leaves_a_gap_stores_nothing", LeavesGaps, "DID NOT RAISE"),
    Fault("test_the_events_after_a_version_are_those_saved_after_it", TakesGteForGt, "yields other events"),
    Fault("test_an_absent_or_discarded_aggregate_is_a_key_error", ForgetsTheLastRow, "a discarded aggregate"),
    Fault("test_a_hash_chain_is_loaded_and_verifies", ForgetsHashes, "HashError"),
    Fault("test_an_array_keeps_each_item_at_its_index", AcceptsLostUpdates, "DID NOT RAISE"),
    Fault("test_a_log_keeps_each_message_in_the_order_of_time", KnowsOneDirection, "TimeBucketedLog"),
    # SupportsStreams
    Fault("test_a_batch_of_several_streams_is_stored_whole", StoresTheFirstStreamOnly, "Streams, law 1"),
    Fault("test_a_refused_batch_stores_nothing_in_any_stream", AppendsStreamByStream, "Streams, law 1"),
    Fault(
        "test_one_stream_that_does_not_continue_refuses_the_batch",
        ChecksTheFirstStreamOnly,
        "DID NOT RAISE",
        passes={"place": (0,)},
    ),
    Fault("test_one_stream_that_does_not_continue_refuses_the_batch", IgnoresWhatItFollows, "DID NOT RAISE"),
    Fault("test_two_appends_to_one_stream_are_refused", JoinsTheRowsOfAStream, "DID NOT RAISE"),
    Fault("test_the_list_of_appends_is_copied", KeepsTheListOfTheCaller, "law 3"),
    Fault("test_one_unstorable_row_refuses_the_batch", AppendsStreamByStream, "law 1"),
    Fault(
        "test_a_closed_store_refuses_a_batch_of_several_streams", OutlivesItsEnd, "expected StoreClosedError"
    ),
    Fault("test_a_batch_of_several_streams_is_numbered_in_its_order", SortsStreams, "Streams, law 2"),
    # SupportsReadAll
    Fault("test_numbers_rise_in_commit_order", NumbersByStream, "ReadAll, law 1"),
    Fault("test_every_numbered_row_comes_back_byte_for_byte", CutsDataAt255Bytes, "ReadAll, law 1"),
    Fault("test_a_store_without_rows_has_nothing_to_read", CountsWhatWasRefused, "ReadAll, law 1"),
    Fault("test_read_all_after_a_number_with_a_limit_is_a_slice", TakesTheLimitFirst, "ReadAll, law 2"),
    Fault("test_a_tail_reader_skips_nothing_and_repeats_nothing", NumbersBeforeItCommits, "ReadAll, law 2"),
    Fault("test_a_negative_limit_of_read_all_is_refused_at_the_call", RefusesLate, "DID NOT RAISE"),
    Fault("test_a_closed_store_refuses_read_all", OutlivesItsEnd, "expected StoreClosedError"),
    # SupportsSnapshots
    Fault("test_a_snapshot_is_not_part_of_its_stream", KeepsSnapshotsAmongTheRows, "Snapshots, law 1"),
    Fault("test_a_snapshot_comes_back_byte_for_byte", CutsDataAt255Bytes, "Snapshots, law 2"),
    Fault("test_a_snapshot_replaces_the_one_at_its_position", KeepsTheFirstSnapshot, "Snapshots, law 2"),
    Fault(
        "test_the_latest_snapshot_within_the_bound_is_read",
        TakesTheHighestSnapshot,
        "Snapshots, law 3",
    ),
    Fault(
        "test_reading_from_a_snapshot_returns_it_and_later_rows",
        GivesTheRowOfTheSnapshotToo,
        "Snapshots, law 4",
    ),
    Fault("test_a_snapshot_with_a_number_beyond_64_bits_is_refused", TakesAnyNumber, "DID NOT RAISE"),
    Fault(
        "test_a_snapshot_whose_name_is_not_valid_unicode_is_refused", ReplacesWhatIsNoText, "DID NOT RAISE"
    ),
    Fault("test_a_closed_store_refuses_snapshots", OutlivesItsEnd, "expected StoreClosedError"),
    Fault(
        "test_snapshots_do_not_change_what_a_repository_returns", TakesTheHighestSnapshot, "Snapshots, law 4"
    ),
    Fault(
        "test_rows_continue_the_snapshot_while_others_write_snapshots",
        ReadsTheSnapshotAfterTheRows,
        "Snapshots, law 5",
    ),
    Fault(
        "test_a_hash_chain_is_loaded_from_a_snapshot_that_is_signed",
        LosesTheHeaderOfSnapshots,
        "expected a signature by a key",
    ),
    Fault("test_a_snapshot_is_not_in_read_all", KeepsSnapshotsAmongTheRows, "Snapshots, law 1"),
    # SupportsAppendIds
    Fault("test_an_unknown_append_was_not_appended", GuessesYes, "AppendIds, law 2", "TestBrokenServer"),
    Fault("test_a_closed_store_refuses_was_appended", GuessesNo, "StoreClosed", "TestBrokenServer"),
    Fault(
        "test_was_appended_resolves_a_lost_answer",
        GuessesYes,
        "AppendIds, law 2",
        "TestBrokenServer",
        {"stored": (True,)},
    ),
    Fault(
        "test_was_appended_resolves_a_lost_answer",
        GuessesNo,
        "AppendIds, law 2",
        "TestBrokenServer",
        {"stored": (False,)},
    ),
    Fault(
        "test_was_appended_resolves_a_lost_answer",
        AnswersBeforeTheEnd,
        "AppendIds, law 2",
        "TestBrokenServer",
        {"stored": (False,)},
    ),
    Fault("test_was_appended_resolves_a_lost_answer", SaysNotStored, "went away", "TestBrokenServer"),
    Fault(
        "test_each_append_has_its_own_id",
        GivesAllOneId,
        "ConcurrencyError|AppendIds, law 1",
        "TestBrokenServer",
    ),
    # machines, races, crashes
    Fault("test_the_store_behaves_like_the_memory_store", LeavesGaps, "expected a ConcurrencyError"),
    Fault("test_the_store_behaves_like_the_memory_store", AcceptsLostUpdates, "AssertionError"),
    Fault(
        "test_the_store_behaves_like_the_memory_store", TakesTheLatestForTheLast, "as the memory store gives"
    ),
    Fault(
        "test_all_capabilities_behave_like_the_memory_store",
        KeepsTheFirstSnapshot,
        "as the memory store gives",
    ),
    Fault("test_all_capabilities_behave_like_the_memory_store", AppendsStreamByStream, "AssertionError"),
    Fault("test_concurrent_updates_are_not_lost", ChecksAndThenActs, "law [12]"),
    Fault("test_concurrent_updates_are_not_lost", StoresPartOfABatch, "law 1"),
    Fault(
        "test_a_tail_reader_sees_every_commit_once_in_order",
        NumbersBeforeItCommits,
        "ReadAll, law [12]",
    ),
    Fault(
        "test_a_tail_reader_sees_every_commit_once_in_order",
        NumbersByStream,
        "ReadAll, law [12]",
    ),
    Fault(
        "test_acknowledged_batches_survive_kills_and_no_batch_is_stored_in_part",
        AppendsRowByRow,
        "law 1: a batch is stored in part",
        "TestBrokenRows",
    ),
    Fault(
        "test_acknowledged_batches_survive_kills_and_no_batch_is_stored_in_part",
        WritesLater,
        "law 1: (acknowledged batches are lost|a batch is stored in part)",
        "TestBrokenPromise",
    ),
    Fault(
        "test_errors_of_killed_connections_tell_what_is_stored",
        GuessesYes,
        "AppendIds, law 2",
        "TestBrokenServer",
    ),
    Fault(
        "test_errors_of_killed_connections_tell_what_is_stored",
        GuessesNo,
        "AppendIds, law 2",
        "TestBrokenServer",
    ),
    Fault(
        "test_errors_of_killed_connections_tell_what_is_stored",
        SaysNotStored,
        "law 1: an append that raised an error is stored",
        "TestBrokenServer",
    ),
    Fault(
        "test_errors_during_restarts_tell_what_is_stored",
        StaysAway,
        "The server is away|to reach the server",
        "TestBrokenServer",
    ),
    Fault(
        "test_interrupted_appends_are_stored_whole_or_not_at_all_and_the_store_goes_on",
        StaysLockedAfterAnInterrupt,
        "law 6.* a call took longer",
    ),
    Fault(
        "test_interrupted_appends_are_stored_whole_or_not_at_all_and_the_store_goes_on",
        StoresInPartIfInterrupted,
        "law 1: an append stores all its rows",
    ),
    Fault(
        "test_both_sides_of_a_fork_read_and_append_their_own_rows",
        AnswersTheChildForAnother,
        "law 3: .* in the child of a fork",
        "TestBrokenFork",
    ),
    Fault(
        "test_nothing_that_a_store_remembers_outlives_what_it_describes",
        RemembersNames,
        "law 3: .* of no other stream|list index out of range",
        "TestBrokenEngine",
    ),
]
