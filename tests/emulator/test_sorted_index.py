"""The index behind the pages of transactions, beside a plain sorted list."""

from bisect import bisect_left, insort
from random import Random

import pytest

from flexprice_emulator.sorted_index import Key, SortedIndex


@pytest.mark.parametrize("seed", range(4))
def test_index_is_a_sorted_list(seed: int) -> None:
    random, index, plain = Random(seed), SortedIndex(), list[Key]()
    for step in range(20_000):
        if plain and random.random() < (0.1, 0.3, 0.49, 0.7)[seed]:
            key = plain.pop(random.randrange(len(plain)))
            index.remove(key)
        else:
            key = (random.choice((step, random.randrange(20_000))), str(step))
            insort(plain, key)
            index.add(key)
        if step % 500 == 0:
            probe = (random.randrange(21_000), "")
            assert index.position(probe) == bisect_left(plain, probe)
            start, stop = sorted(random.randrange(len(plain) + 2) for _ in range(2))
            assert list(index.between(start, stop)) == plain[start:stop]
    assert list(index.between(0, len(index))) == plain


def test_removing_what_is_not_there_is_an_error() -> None:
    index = SortedIndex()
    with pytest.raises(KeyError):
        index.remove((1, "a"))
    index.add((1, "a"))
    with pytest.raises(KeyError):
        index.remove((1, "b"))
    assert index.position((1, "b")) == len(index) == 1
