"""Buckets of time, compared with an independent calendar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typing_extensions import override

from esmodel import PayloadError
from esmodel.structures import (
    BUCKET_SIZES,
    BucketSize,
    bucket_boundary,
    bucket_duration,
    bucket_starts,
    make_timebucket_id,
    next_bucket_starts,
    previous_bucket_starts,
)

LOG: Final = UUID("b9a2f3d0-3f5e-4f55-8a52-6f3a3c1f7e01")
NAMESPACE: Final = UUID("0d7ee297-a976-4c29-91ff-84ffc79d8155")
MICROSECOND: Final = timedelta(microseconds=1)
FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
LAST: Final = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

sizes = pytest.mark.parametrize("size", BUCKET_SIZES)


def utc(year: int, month: int = 1, day: int = 1, *time: int) -> datetime:
    hour, minute, second = (*time, 0, 0, 0)[:3]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def is_leap(year: int) -> bool:
    return year % 400 == 0 or (year % 4 == 0 and year % 100 != 0)


def start_of(moment: datetime, size: BucketSize) -> datetime:
    """Return the start of the bucket of a moment in UTC: the shorter units are set to their minimum."""
    match size:
        case "year":
            return utc(moment.year)
        case "month":
            return utc(moment.year, moment.month)
        case "day":
            return utc(moment.year, moment.month, moment.day)
        case "hour":
            return utc(moment.year, moment.month, moment.day, moment.hour)
        case "minute":
            return utc(moment.year, moment.month, moment.day, moment.hour, moment.minute)
        case "second":
            return moment - timedelta(microseconds=moment.microsecond)


def length_of(moment: datetime, size: BucketSize) -> timedelta:
    match size:
        case "year":
            return timedelta(days=sum(DAYS) + is_leap(moment.year))
        case "month":
            return timedelta(days=DAYS[moment.month - 1] + (moment.month == 2 and is_leap(moment.year)))
        case "day":
            return timedelta(seconds=86_400)
        case "hour":
            return timedelta(seconds=3_600)
        case "minute":
            return timedelta(seconds=60)
        case "second":
            return timedelta(seconds=1)


def written(moment: datetime, size: BucketSize) -> str:
    parts = f"{moment.year:04} -{moment.month:02} -{moment.day:02} _{moment.hour:02} -{moment.minute:02}"
    return "".join([*parts.split(), f"-{moment.second:02}"][: BUCKET_SIZES.index(size) + 1])


def call(function: object, *arguments: object) -> object:
    """Call a function with arguments that type checkers reject."""
    assert callable(function)
    returned: object = function(*arguments)
    return returned


def edges() -> Iterator[datetime]:
    """Yield moments at which calendar arithmetic tends to fail."""
    for year in (1, 4, 999, 1000, 1582, 1899, 1900, 1969, 1970, 1999, 2000, 2023, 2024, 2026, 2100, 9999):
        for month in range(1, 13):
            yield utc(year, month)
            day = DAYS[month - 1] + (month == 2 and is_leap(year))
            yield datetime(year, month, day, 23, 59, 59, 999999, tzinfo=UTC)
        yield utc(year, 2, 28, 23, 59, 59)
        yield utc(year, 3, 1) - MICROSECOND
        yield utc(year, 12, 31)


EDGES: Final = tuple(edges())
DISTANCES: Final = (*range(-2, 3), 999_999, 1_000_000, -999_999, -1_000_000)


def beside(moment: datetime, distance: int) -> datetime:
    shifted = (
        max(moment, FIRST + timedelta(seconds=2))
        if distance < 0
        else min(moment, LAST - timedelta(seconds=2))
    )
    return shifted + distance * MICROSECOND


moments = st.one_of(
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(EDGES),
    st.builds(beside, st.sampled_from(EDGES), st.sampled_from(DISTANCES)),
)
bucket_sizes = st.sampled_from(BUCKET_SIZES)


# --- one bucket ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "starts", "follows", "precedes"),
    [
        ("year", utc(2026), utc(2027), utc(2025)),
        ("month", utc(2026, 11), utc(2026, 12), utc(2026, 10)),
        ("day", utc(2026, 11, 23), utc(2026, 11, 24), utc(2026, 11, 22)),
        ("hour", utc(2026, 11, 23, 4), utc(2026, 11, 23, 5), utc(2026, 11, 23, 3)),
        ("minute", utc(2026, 11, 23, 4, 5), utc(2026, 11, 23, 4, 6), utc(2026, 11, 23, 4, 4)),
        ("second", utc(2026, 11, 23, 4, 5, 6), utc(2026, 11, 23, 4, 5, 7), utc(2026, 11, 23, 4, 5, 5)),
    ],
)
def test_a_bucket_of_each_size_has_its_start_and_its_neighbours(
    size: BucketSize, starts: datetime, follows: datetime, precedes: datetime
) -> None:
    for moment in (starts, datetime(2026, 11, 23, 4, 5, 6, 7, tzinfo=UTC), follows - MICROSECOND):
        assert bucket_starts(moment, size) == starts
        assert next_bucket_starts(moment, size) == follows
        assert previous_bucket_starts(moment, size) == precedes
        assert bucket_duration(moment, size) == follows - starts


def test_the_sizes_go_from_the_longest_to_the_shortest() -> None:
    durations = [bucket_duration(utc(2026, 2), size) for size in BUCKET_SIZES]
    assert durations == sorted(durations, reverse=True)
    assert len(set(durations)) == 6


@pytest.mark.parametrize(("year", "days"), [(1900, 28), (2000, 29), (2023, 28), (2024, 29), (2100, 28)])
def test_february_has_its_29th_day_in_leap_years_only(year: int, days: int) -> None:
    last = datetime(year, 2, days, 23, 59, 59, 999999, tzinfo=UTC)
    assert bucket_duration(last, "month") == timedelta(days=days)
    assert bucket_duration(last, "year") == timedelta(days=337 + days)
    for size in BUCKET_SIZES:
        assert previous_bucket_starts(utc(year, 3), size) == bucket_starts(last, size) or size == "year"
    assert next_bucket_starts(last, "year") == utc(year + 1)
    assert next_bucket_starts(last, "month") == utc(year, 3)
    assert next_bucket_starts(last, "day") == utc(year, 3)
    assert previous_bucket_starts(utc(year, 3), "day") == utc(year, 2, days)
    assert previous_bucket_starts(utc(year, 3), "month") == utc(year, 2)
    assert next_bucket_starts(utc(year, 1, 31), "month") == utc(year, 2)


@pytest.mark.parametrize("year", [1, 1582, 1969, 1970, 2023, 2024, 9998])
def test_a_bucket_of_every_size_ends_with_the_year(year: int) -> None:
    for size in BUCKET_SIZES:
        last = utc(year + 1) - MICROSECOND
        assert next_bucket_starts(last, size) == utc(year + 1)
        assert bucket_starts(utc(year + 1), size) == utc(year + 1)
        assert previous_bucket_starts(utc(year + 1), size) == bucket_starts(last, size)
        assert bucket_starts(last, size).year == year


@pytest.mark.parametrize("year", [1, 1900, 1970, 2000, 2023, 2024, 2100, 9998])
def test_months_end_where_the_calendar_says(year: int) -> None:
    found = [next_bucket_starts(utc(year, month), "month") for month in range(1, 13)]
    assert found == [*(utc(year, month) for month in range(2, 13)), utc(year + 1)]
    days = [bucket_duration(utc(year, month, 28), "month").days for month in range(1, 13)]
    assert days == [31, 28 + is_leap(year), *DAYS[2:]]


def test_buckets_before_1970_are_like_those_after_it() -> None:
    before = utc(1970) - MICROSECOND
    assert [bucket_boundary(before, size) for size in BUCKET_SIZES] == [
        "1969",
        "1969-12",
        "1969-12-31",
        "1969-12-31_23",
        "1969-12-31_23-59",
        "1969-12-31_23-59-59",
    ]
    assert [next_bucket_starts(before, size) for size in BUCKET_SIZES] == [utc(1970)] * 6


@sizes
def test_a_bucket_is_that_of_the_calendar(size: BucketSize) -> None:
    for near in (beside(moment, distance) for moment in EDGES for distance in DISTANCES):
        starts = bucket_starts(near, size)
        assert (starts, starts.tzinfo) == (start_of(near, size), UTC)
        assert bucket_duration(near, size) == length_of(near, size)
        assert bucket_boundary(near, size) == written(near, size)


# --- the ends of time ----------------------------------------------------------------------------


@sizes
def test_nothing_follows_the_last_bucket(size: BucketSize) -> None:
    starts = bucket_starts(LAST, size)
    assert starts + (bucket_duration(LAST, size) - MICROSECOND) == LAST
    for moment in (starts, LAST):
        with pytest.raises(PayloadError, match=f"^9999-.*: expected a later {size}, found none: ") as caught:
            next_bucket_starts(moment, size)
        assert str(caught.value).endswith("dates end with the year 9999.")
    assert next_bucket_starts(starts - MICROSECOND, size) == starts


@sizes
def test_nothing_comes_before_the_first_bucket(size: BucketSize) -> None:
    assert bucket_starts(FIRST, size) == FIRST
    last = next_bucket_starts(FIRST, size) - MICROSECOND
    for moment in (FIRST, last):
        with pytest.raises(
            PayloadError, match=f"^0001-.*: expected an earlier {size}, found none: "
        ) as caught:
            previous_bucket_starts(moment, size)
        assert str(caught.value).endswith("dates begin with the year 1.")
    assert previous_bucket_starts(last + MICROSECOND, size) == FIRST


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, 0, 59, tzinfo=timezone(timedelta(hours=1))),
        datetime(1, 1, 1, tzinfo=timezone(MICROSECOND)),
        datetime(9999, 12, 31, 23, 0, tzinfo=timezone(-timedelta(hours=1))),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(-MICROSECOND)),
    ],
)
@sizes
def test_a_moment_that_has_no_date_in_utc_is_refused(moment: datetime, size: BucketSize) -> None:
    for function in functions():
        with pytest.raises(PayloadError, match="expected one within the years 1 to 9999 in UTC, found "):
            function(moment, size)


# --- time zones ----------------------------------------------------------------------------------


def functions() -> tuple[Callable[[datetime, BucketSize], object], ...]:
    def id_of(moment: datetime, size: BucketSize) -> UUID:
        return make_timebucket_id(LOG, moment, size)

    return (
        bucket_starts,
        next_bucket_starts,
        previous_bucket_starts,
        bucket_duration,
        bucket_boundary,
        id_of,
    )


OFFSETS: Final = (
    timedelta(hours=5, minutes=30),
    -timedelta(hours=3, minutes=30),
    timedelta(hours=14),
    -timedelta(hours=12),
    timedelta(hours=5, minutes=45),
    timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999),
    -timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999),
    MICROSECOND,
)


def test_a_moment_of_another_zone_is_in_its_bucket_in_utc() -> None:
    moment = datetime(2024, 1, 1, 5, 29, 59, 999999, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert [bucket_boundary(moment, size) for size in BUCKET_SIZES] == [
        "2023",
        "2023-12",
        "2023-12-31",
        "2023-12-31_23",
        "2023-12-31_23-59",
        "2023-12-31_23-59-59",
    ]
    starts = bucket_starts(moment, "hour")
    assert (starts.isoformat(), starts.tzinfo) == ("2023-12-31T23:00:00+00:00", UTC)
    assert next_bucket_starts(moment, "year").isoformat() == "2024-01-01T00:00:00+00:00"
    assert next_bucket_starts(moment + MICROSECOND, "year").isoformat() == "2025-01-01T00:00:00+00:00"


@pytest.mark.parametrize("offset", OFFSETS, ids=str)
def test_every_function_gives_for_a_moment_what_it_gives_for_the_same_in_utc(offset: timedelta) -> None:
    inner = [each for each in EDGES if 1 < each.year < 9999]
    for moment in inner:
        elsewhere = moment.astimezone(timezone(offset))
        for size in BUCKET_SIZES:
            for function in functions():
                assert function(elsewhere, size) == function(moment, size)


def zone(name: str, otherwise: timedelta) -> tzinfo:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return timezone(otherwise)


@pytest.mark.parametrize(
    "somewhere",
    [
        zone("Europe/Berlin", timedelta(hours=1)),
        zone(
            "Australia/Lord_Howe", timedelta(hours=10, minutes=30)
        ),  # its daylight saving time is half an hour
        zone("Asia/Kathmandu", timedelta(hours=5, minutes=45)),
        zone("UTC", timedelta(0)),
    ],
    ids=str,
)
def test_clocks_that_are_turned_leave_out_and_repeat_no_bucket(somewhere: tzinfo) -> None:
    for begin in (utc(2026, 3, 28, 20), utc(2026, 4, 4, 12), utc(2026, 10, 3, 12), utc(2026, 10, 24, 20)):
        moment, ends = begin, begin + timedelta(days=1)
        found: list[datetime] = []
        while moment < ends:
            found.append(bucket_starts(moment.astimezone(somewhere), "hour"))
            moment += timedelta(minutes=15)
        assert found[::4] == [begin + timedelta(hours=hour) for hour in range(24)]
        assert found == [starts for starts in found[::4] for _ in range(4)]


def test_the_two_passes_of_a_repeated_hour_are_two_buckets() -> None:
    class Repeats(tzinfo):
        @override
        def utcoffset(self, moment: datetime | None, /) -> timedelta:
            return timedelta(hours=1 if moment is not None and moment.fold else 2)

        @override
        def dst(self, moment: datetime | None, /) -> timedelta:
            return timedelta(0)

        @override
        def tzname(self, moment: datetime | None, /) -> str:
            return "repeats"

    first = datetime(2026, 10, 25, 2, 30, tzinfo=Repeats())
    assert bucket_boundary(first, "hour") == "2026-10-25_00"
    assert bucket_boundary(first.replace(fold=1), "hour") == "2026-10-25_01"


# --- refusals ------------------------------------------------------------------------------------


class Nowhere(tzinfo):
    """A zone without an offset from UTC."""

    @override
    def utcoffset(self, moment: datetime | None, /) -> None:
        return None

    @override
    def dst(self, moment: datetime | None, /) -> None:
        return None

    @override
    def tzname(self, moment: datetime | None, /) -> str:
        return "nowhere"


@pytest.mark.parametrize(
    "moment",
    [datetime(2026, 11, 23), datetime.min, datetime.max, datetime(2026, 11, 23, tzinfo=Nowhere())],  # noqa: DTZ001, DTZ901  # because they are wrong on purpose
    ids=["naive", "least", "greatest", "nowhere"],
)
@sizes
def test_a_naive_moment_is_refused(moment: datetime, size: BucketSize) -> None:
    for function in functions():
        with pytest.raises(
            PayloadError, match="moment: expected an aware datetime, found datetime"
        ) as caught:
            function(moment, size)
        assert str(caught.value).endswith("add a time zone, as in datetime(2026, 11, 23, tzinfo=UTC).")


@pytest.mark.parametrize("moment", [None, 0, 1.5, "2026-11-23", date(2026, 11, 23), timedelta(0), object])
@sizes
def test_an_object_that_is_not_a_datetime_is_refused(moment: object, size: BucketSize) -> None:
    for function in functions():
        with pytest.raises(PayloadError, match="moment: expected an aware datetime, found "):
            call(function, moment, size)


@pytest.mark.parametrize("size", ["", "week", "days", "Day", "day ", None, 1, ["day"], b"day", object])
def test_an_unknown_size_is_refused_with_a_list_of_sizes(size: object) -> None:
    for function in functions():
        with pytest.raises(PayloadError) as caught:
            call(function, utc(2026), size)
        assert str(caught.value) == (
            f"bucket size: expected one of year, month, day, hour, minute, second, found {size!r}."
        )


# --- laws ----------------------------------------------------------------------------------------


@given(moments, bucket_sizes)
@example(FIRST, "second")
@example(LAST, "year")
def test_a_bucket_holds_the_moment_and_no_other_does(moment: datetime, size: BucketSize) -> None:
    starts = bucket_starts(moment, size)
    assert starts == start_of(moment, size)
    assert starts <= moment <= starts + (bucket_duration(moment, size) - MICROSECOND)
    assert bucket_duration(moment, size) == bucket_duration(starts, size) == length_of(moment, size)
    assert bucket_starts(starts, size) == starts
    assert bucket_starts(starts + (bucket_duration(moment, size) - MICROSECOND), size) == starts


@given(moments, bucket_sizes)
def test_the_next_bucket_begins_where_this_one_ends(moment: datetime, size: BucketSize) -> None:
    starts = bucket_starts(moment, size)
    if LAST - starts < bucket_duration(moment, size):
        with pytest.raises(PayloadError):
            next_bucket_starts(moment, size)
        return
    follows = next_bucket_starts(moment, size)
    assert starts <= moment < follows == starts + bucket_duration(moment, size)
    assert bucket_starts(follows, size) == follows
    assert previous_bucket_starts(follows, size) == starts
    assert bucket_starts(follows - MICROSECOND, size) == starts


@given(moments, bucket_sizes)
def test_the_previous_bucket_ends_where_this_one_begins(moment: datetime, size: BucketSize) -> None:
    starts = bucket_starts(moment, size)
    if starts == FIRST:
        with pytest.raises(PayloadError):
            previous_bucket_starts(moment, size)
        return
    precedes = previous_bucket_starts(moment, size)
    assert precedes < starts == precedes + bucket_duration(precedes, size)
    assert precedes == start_of(starts - MICROSECOND, size)
    assert next_bucket_starts(precedes, size) == starts


@given(moments, bucket_sizes, st.integers(1, 40))
def test_a_walk_from_bucket_to_bucket_covers_time_without_a_gap(
    moment: datetime, size: BucketSize, steps: int
) -> None:
    walked = [bucket_starts(moment, size)]
    covered = timedelta(0)
    while len(walked) <= steps and LAST - walked[-1] >= bucket_duration(walked[-1], size):
        covered += bucket_duration(walked[-1], size)
        walked.append(next_bucket_starts(walked[-1], size))
    assert walked[-1] - walked[0] == covered
    assert all(one < other for one, other in pairwise(walked))
    assert len({bucket_boundary(each, size) for each in walked}) == len(walked)
    back = walked[-1:]
    while len(back) < len(walked):
        back.append(previous_bucket_starts(back[-1], size))
    assert back == walked[::-1]


@given(moments, moments, bucket_sizes)
def test_two_moments_share_a_bucket_if_they_share_its_start_and_its_name_and_its_id(
    one: datetime, other: datetime, size: BucketSize
) -> None:
    shared = start_of(one, size) == start_of(other, size)
    assert (bucket_starts(one, size) == bucket_starts(other, size)) is shared
    assert (bucket_boundary(one, size) == bucket_boundary(other, size)) is shared
    ids = make_timebucket_id(LOG, one, size), make_timebucket_id(LOG, other, size)
    assert (ids[0] == ids[1]) is shared
    if one <= other:
        assert bucket_starts(one, size) <= bucket_starts(other, size)
        assert bucket_boundary(one, size) <= bucket_boundary(other, size)


@given(moments, bucket_sizes, st.sampled_from(OFFSETS))
def test_a_law_of_utc_is_a_law_of_every_zone(moment: datetime, size: BucketSize, offset: timedelta) -> None:
    if not FIRST + timedelta(days=1) <= moment <= LAST - timedelta(days=1):
        return
    elsewhere = moment.astimezone(timezone(offset))
    assert bucket_starts(elsewhere, size) == start_of(moment, size)
    assert bucket_starts(elsewhere, size).tzinfo is UTC
    assert bucket_boundary(elsewhere, size) == written(moment, size)
    assert bucket_duration(elsewhere, size) == length_of(moment, size)


@given(moments)
def test_a_bucket_lies_within_one_bucket_of_each_longer_size(moment: datetime) -> None:
    nested = [bucket_starts(moment, size) for size in BUCKET_SIZES]
    assert nested == sorted(nested)
    names = [bucket_boundary(moment, size) for size in BUCKET_SIZES]
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(names))
    for longer, shorter in pairwise(BUCKET_SIZES):
        assert bucket_starts(bucket_starts(moment, shorter), longer) == bucket_starts(moment, longer)


# --- names and ids -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "boundary"),
    [
        ("year", "2026"),
        ("month", "2026-11"),
        ("day", "2026-11-23"),
        ("hour", "2026-11-23_04"),
        ("minute", "2026-11-23_04-05"),
        ("second", "2026-11-23_04-05-06"),
    ],
)
def test_a_boundary_is_the_identifying_prefix_of_the_start(size: BucketSize, boundary: str) -> None:
    moment = datetime(2026, 11, 23, 4, 5, 6, 999999, tzinfo=UTC)
    assert bucket_boundary(moment, size) == boundary
    assert bucket_boundary(bucket_starts(moment, size), size) == boundary
    assert make_timebucket_id(LOG, moment, size) == uuid5(NAMESPACE, f"{LOG.hex}_{boundary}")


def test_years_are_written_with_four_digits() -> None:
    assert [bucket_boundary(utc(year), "year") for year in (1, 70, 999, 9999)] == [
        "0001",
        "0070",
        "0999",
        "9999",
    ]


@given(st.uuids(), moments, bucket_sizes)
def test_an_id_is_made_of_log_and_boundary(log: UUID, moment: datetime, size: BucketSize) -> None:
    expected = uuid5(NAMESPACE, log.hex + "_" + written(moment, size))
    assert make_timebucket_id(log, moment, size) == expected


def test_no_two_logs_and_no_two_sizes_share_an_id() -> None:
    logs = [UUID(int=number) for number in range(50)]
    ids = {make_timebucket_id(log, utc(2026), size) for log in logs for size in BUCKET_SIZES}
    assert len(ids) == 50 * 6
