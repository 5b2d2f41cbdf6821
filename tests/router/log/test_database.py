"""What every connection to the log's file is told."""

from pathlib import Path

from router.log.database import open_database


def test_a_connection_keeps_few_pages_however_large_the_file_is(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/log.db", 1.0, fsync=False)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA cache_size").scalar_one() == -512  # minus: KiB
    engine.dispose()
