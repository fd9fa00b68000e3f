"""Random types with random values: refused in a sentence, or back indistinguishable, with equal bytes."""

from __future__ import annotations

import copy
import os

from codec_values import HOOKED
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from indistinguishable import seen
from profiles import examples
from random_types import Drawn, types_of_depth

from esmodel import PayloadError
from esmodel.exceptions import UnsupportedTypeError

STORM = int(os.environ.get("ESMODEL_STORM", "0"))
VALUES = 50 if STORM else 5
LENIENT = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=STORM or examples(100), suppress_health_check=LENIENT, deadline=None)
@given(types_of_depth, st.data())
def test_a_value_is_refused_or_comes_back_indistinguishable(drawn: Drawn, data: st.DataObject) -> None:
    try:
        HOOKED.wire(drawn.hint)
    except UnsupportedTypeError:
        return
    for _ in range(VALUES):
        value = data.draw(drawn.values)
        try:
            stored = HOOKED.encode(drawn.hint, value)
        except PayloadError:
            continue
        back = HOOKED.decode(drawn.hint, stored)
        assert seen(back) == seen(value)
        assert HOOKED.encode(drawn.hint, back) == stored
        assert HOOKED.encode(drawn.hint, copy.deepcopy(value)) == stored
