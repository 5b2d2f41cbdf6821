"""What is appended outlives its process, whole records only, and leaves once it is in the store."""

import os
from pathlib import Path
from unittest.mock import patch

import pytest

from router.log.spool import ROOM, Spool


def kept(folder: Path) -> list[bytes]:
    return list(Spool(folder).everything())


def test_a_record_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    Spool(tmp_path).append(b"one")
    assert kept(tmp_path) == [b"one"]


def test_a_file_that_its_owner_emptied_holds_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.stored(spool.append(b"one"))
    spool.append(b"two")
    assert kept(tmp_path) == [b"two"]


def test_files_take_turns_and_each_is_emptied_when_all_of_it_is_stored(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    one, two = spool.append(b"one"), spool.append(b"two")
    spool.cut()
    three = spool.append(b"three")
    spool.stored(one)
    assert sorted(kept(tmp_path)) == [b"one", b"three", b"two"]
    spool.stored(two)
    assert kept(tmp_path) == [b"three"]
    spool.cut()
    assert spool.append(b"four") is one and three is not one
    assert sorted(kept(tmp_path)) == [b"four", b"three"]


def test_a_living_process_keeps_its_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(b"one")
    assert list(Spool(tmp_path).adopted()) == []


def test_a_dead_process_leaves_its_file_to_whoever_asks(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(b"one")
    spool.close()  # a killed process lets go of its lock in the same way
    assert [records for _, records in Spool(tmp_path).adopted()] == [[b"one"]]


def test_an_empty_file_goes_with_its_owner(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.stored(spool.append(b"one"))
    spool.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", range(1, 14))
def test_a_record_that_was_cut_off_is_not_read(tmp_path: Path, cut: int) -> None:
    spool = Spool(tmp_path)
    spool.append(b"whole")
    spool.append(b"torn")
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    end = len(whole.rstrip(b"\0"))
    file.write_bytes(whole[: end - cut] + bytes(len(whole) - end + cut))
    assert kept(tmp_path) == [b"whole"]


def test_a_disk_without_room_is_known_before_a_record_is_taken(tmp_path: Path) -> None:
    spool, write = Spool(tmp_path), os.write
    with patch("os.write", lambda file, line: write(file, line[:5])), pytest.raises(OSError):
        spool.append(b"one")
    assert list(tmp_path.iterdir()) == []
    spool.append(b"two")
    assert kept(tmp_path) == [b"two"]


def test_what_has_no_room_any_more_goes_into_another_file(tmp_path: Path) -> None:
    spool, long = Spool(tmp_path), b"x" * (ROOM // 2)
    parts = [spool.append(long), spool.append(long), spool.append(b"y" * 2 * ROOM)]
    assert len({id(part) for part in parts}) == 3
    assert sorted(map(len, kept(tmp_path))) == [ROOM // 2, ROOM // 2, 2 * ROOM]


def test_a_file_that_somebody_deleted_is_made_anew(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.stored(spool.append(b"one"))
    next(tmp_path.iterdir()).unlink()
    spool.cut()
    spool.append(b"two")
    assert kept(tmp_path) == [b"two"]
