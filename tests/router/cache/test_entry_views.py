"""Views of entries are what reading their texts gives, however and whenever they were read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.cache import entry_views
from router.cache.entry_views import EntryViews, pack, unpack
from router.cache.text_view import TextView
from router.cache.verifier import Verifier

TEXTS = st.lists(st.sampled_from(["a", "Don't", "500", "miles", "from", "Rome", "NASA", "%", "école", "\ud800"]))


@given(TEXTS)
def test_what_was_packed_comes_back_to_the_bit(verifier: Verifier, words: list[str]) -> None:
    view = verifier.view(" ".join(words))
    again = unpack(pack(view))
    assert again == view
    assert list(again.weights.items()) == list(view.weights.items())  # their order is part of what is compared


class Counting:
    def __init__(self, verifier: Verifier) -> None:
        self._verifier, self.read = verifier, 0
        self.packed, self.unpacked = verifier.packed, verifier.unpacked

    def view(self, text: str) -> TextView:
        self.read += 1
        return self._verifier.view(text)


@pytest.fixture
def reader(verifier: Verifier) -> Counting:
    return Counting(verifier)


def test_a_text_is_read_once_however_long_it_was_not_compared(reader: Counting, monkeypatch) -> None:
    monkeypatch.setattr(entry_views, "_OPEN", 2)
    views = EntryViews(reader)
    for _ in range(2):
        for entry_id in range(5):
            views.add(entry_id) if reader.read < 5 else None
            assert views.of(entry_id, f"fare to platform {entry_id}").numbers == {str(entry_id)}
    assert reader.read == 5


def test_reading_ahead_leaves_nothing_to_read(reader: Counting) -> None:
    views = EntryViews(reader)
    for entry_id in range(3):
        views.add(entry_id)
    views.of(0, "fare to York 0")
    assert views.unread(1) == [1]
    assert views.unread(9) == [2] and views.unread(9) == []
    for entry_id in (1, 2):
        views.keep(entry_id, views.read(f"fare to York {entry_id}"))
    assert [views.of(one, "never read").numbers for one in range(3)] == [{"0"}, {"1"}, {"2"}]
    assert reader.read == 3


def test_what_left_in_the_meantime_is_not_kept(reader: Counting) -> None:
    views = EntryViews(reader)
    views.add(7)
    views.drop(7)
    views.keep(7, views.read("fare to York"))
    assert views.unread(9) == []
    assert views.of(7, "fare to Leeds") == reader.view("fare to Leeds")
