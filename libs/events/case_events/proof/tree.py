"""The tree of hashes over the feed (RFC 9162, section 2.1): its root says what every event was, a few hashes prove one.

The leaves are the hashes of the events in the order of the feed; position 1 is leaf 0. A span of leaves is given by
its first and the one behind its last.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32
SIZE_MAX = 2**53 - 1
"""Leaves; more than any feed has positions."""


class Span(NamedTuple):
    """The leaves from ``start`` up to, and without, ``end``."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.end - self.start


Path = tuple[bytes, ...]
"""The hashes that prove something, from the leaves upwards; 32 bytes each."""


def leaf(entry: bytes) -> bytes:
    """The hash of a leaf (32 bytes)."""
    return sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash over two neighbours (32 bytes)."""
    return sha256(b"\1" + left + right).digest()


def over(hashes: Sequence[bytes]) -> bytes:
    """The root over one hash or more, all of the same height and in their order."""
    level = list(hashes)
    while len(level) > 1:
        above = [sha256(b"\1" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
        level = above + level[len(above) * 2 :]  # one without a neighbour stays as it is
    return level[0]


def perfect(span: Span) -> list[Span]:
    """A span in pieces that are whole trees, the largest and leftmost first."""
    start, pieces = span.start, list[Span]()
    while start < span.end:
        size = 1 << ((span.end - start).bit_length() - 1)
        pieces.append(Span(start, start + size))
        start += size
    return pieces


def joined(roots: Sequence[bytes]) -> bytes:
    """The root over the roots of ``perfect``'s pieces, in their order."""
    *before, root = roots
    for one in reversed(before):
        root = node(one, root)
    return root


def inclusion(index: int, size: int) -> list[Span]:
    """What the roots are of that prove a leaf in a tree of ``size`` leaves, from the leaf upwards."""
    start, end, path = 0, size, list[Span]()
    while end - start > 1:
        middle = start + _left(end - start)
        if index < middle:
            path.append(Span(middle, end))
            end = middle
        else:
            path.append(Span(start, middle))
            start = middle
    return path[::-1]


def consistency(before: int, size: int) -> list[Span]:
    """What the roots are of that prove that the tree of ``before`` leaves is the beginning of that of ``size``."""
    start, end, path, whole = 0, size, list[Span](), True
    while before != end:
        middle = start + _left(end - start)
        if before <= middle:
            path.append(Span(middle, end))
            end = middle
        else:
            path.append(Span(start, middle))
            start, whole = middle, False
    if not whole:
        path.append(Span(start, end))
    return path[::-1]


def includes(root: bytes, size: int, index: int, hash_: bytes, path: Sequence[bytes]) -> bool:
    """Is this the hash of the leaf at ``index`` in the tree with this root? (RFC 9162, 2.1.3.2)"""
    if not 0 <= index < size:
        return False
    left, last = index, size - 1
    for one in path:
        if last == 0:
            return False
        if left % 2 or left == last:
            hash_ = node(one, hash_)
            while left % 2 == 0 and left:
                left, last = left >> 1, last >> 1
        else:
            hash_ = node(hash_, one)
        left, last = left >> 1, last >> 1
    return last == 0 and hash_ == root


def continues(before: bytes, before_size: int, root: bytes, size: int, path: Sequence[bytes]) -> bool:
    """Is the tree with the one root the beginning of that with the other? (RFC 9162, 2.1.4.2)"""
    if before_size == size:
        return before == root and not path
    if not 0 < before_size < size or not path:
        return False
    rest = list(path)
    if before_size & (before_size - 1) == 0:
        rest.insert(0, before)
    left, last = before_size - 1, size - 1
    while left % 2:
        left, last = left >> 1, last >> 1
    first = second = rest[0]
    for one in rest[1:]:
        if last == 0:
            return False
        if left % 2 or left == last:
            first, second = node(one, first), node(one, second)
            while left % 2 == 0 and left:
                left, last = left >> 1, last >> 1
        else:
            second = node(second, one)
        left, last = left >> 1, last >> 1
    return last == 0 and first == before and second == root


def _left(size: int) -> int:
    """The largest power of two below ``size``: the leaves of the left half."""
    return 1 << ((size - 1).bit_length() - 1)
