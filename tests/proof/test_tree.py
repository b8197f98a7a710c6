"""The tree over the feed, compared with its definition; and that nothing else than what was logged can be proved."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from case_events.proof.tree import (
    Span,
    consistency,
    continues,
    includes,
    inclusion,
    joined,
    leaf,
    over,
    perfect,
)

LEAVES_MAX = 140
HASHES = [leaf(number.to_bytes(32, "big")) for number in range(LEAVES_MAX)]
SIZES = st.integers(1, LEAVES_MAX)


def defined(hashes: list[bytes]) -> bytes:
    """The root as RFC 9162, 2.1.1 defines it."""
    if len(hashes) == 1:
        return hashes[0]
    left = max(2**power for power in range(8) if 2**power < len(hashes))
    return sha256(b"\1" + defined(hashes[:left]) + defined(hashes[left:])).digest()


def roots(spans: list[Span]) -> list[bytes]:
    return [defined(HASHES[one.start : one.end]) for one in spans]


def test_a_leaf_is_hashed_as_the_rfc_says() -> None:
    # The leaf of an empty entry, from the RFC's own reference data.
    assert leaf(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@given(SIZES)
def test_the_root_is_the_defined_one_however_it_is_put_together(size: int) -> None:
    root = defined(HASHES[:size])
    assert over(HASHES[:size]) == root
    assert joined(roots(perfect(Span(0, size)))) == root


@given(st.data())
def test_each_leaf_can_be_proved_and_no_other_in_its_place(data: st.DataObject) -> None:
    size = data.draw(SIZES)
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, LEAVES_MAX - 1).filter(lambda one: one != index))
    path, root = roots(inclusion(index, size)), defined(HASHES[:size])
    assert includes(root, size, index, HASHES[index], path)
    assert not includes(root, size, index, HASHES[other], path)
    assert not includes(root, size, other, HASHES[index], path)
    assert not includes(root, size, index, HASHES[index], [*path, root])
    assert not includes(root, size, index, HASHES[index], path[:-1]) or not path


@given(st.data())
def test_a_tree_is_proved_to_go_on_from_its_beginning_and_from_no_other(data: st.DataObject) -> None:
    size = data.draw(SIZES)
    before = data.draw(st.integers(1, size))
    path, root, beginning = roots(consistency(before, size)), defined(HASHES[:size]), defined(HASHES[:before])
    assert continues(beginning, before, root, size, path)
    changed = defined([HASHES[-1], *HASHES[1:before]])
    assert not continues(changed, before, root, size, path)
    assert not continues(beginning, before, leaf(root), size, path)
    assert not continues(beginning, before, root, size, [*path, root])
    if before < size:
        assert not continues(beginning, before + 1, root, size, path)
        assert not continues(beginning, before, root, size, path[:-1])


def test_nothing_is_proved_of_an_empty_tree() -> None:
    assert not continues(HASHES[0], 0, HASHES[0], 1, [HASHES[0]])
    assert not includes(HASHES[0], 0, 0, HASHES[0], [])
