"""Derived ids are the ones the standard library makes: what was written under them is found again."""

from __future__ import annotations

from functools import reduce
from uuid import UUID, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from case_events.core.deriving import derived


@settings(deadline=None)
@given(st.uuids(), st.lists(st.text(), min_size=1, max_size=3))
def test_a_derived_id_is_the_standard_one(namespace: UUID, names: list[str]) -> None:
    assert derived(namespace, *names) == reduce(uuid5, names, namespace)
