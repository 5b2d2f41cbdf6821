"""The latest look is told whole, with the alarms of earlier ones."""

from datetime import UTC, datetime

import orjson

from router.drift import standing
from router.log.store import LogStore

AT = datetime(2026, 3, 1, tzinfo=UTC)


def kept(store: LogStore, streams: list[dict[str, object]], alarms: list[dict[str, object]]) -> None:
    store.write(lambda connection: standing.keep(connection, AT, streams, alarms)).result(10)


def test_streams_are_replaced_and_alarms_added(store: LogStore) -> None:
    kept(store, [{"n": 1}], [{"rule": "a"}])
    kept(store, [{"n": 2}], [])
    kept(store, [{"n": 3}], [{"rule": "b"}])
    with store.reading() as connection:
        found = standing.read(connection)
    alarms = [{"rule": "a"}, {"rule": "b"}]
    assert found == {"at": AT.isoformat(), "streams": [{"n": 3}], "alarms": alarms}
    assert orjson.dumps(found)  # whose keys must be plain text, not the database driver's


def test_only_the_latest_alarms_are_kept(store: LogStore) -> None:
    kept(store, [], [{"rule": str(number)} for number in range(standing.MOST_TOLD + 1)])
    with store.reading() as connection:
        found = standing.read(connection)
    assert found is not None and len(found["alarms"]) == standing.MOST_TOLD and found["alarms"][0] == {"rule": "1"}


def test_before_the_first_look_there_is_nothing(store: LogStore) -> None:
    with store.reading() as connection:
        assert standing.read(connection) is None
