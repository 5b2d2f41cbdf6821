import json

import pytest
from filelock import FileLock

from router.errors import InputError, PolicyFileError
from router.policy_files import read_folder, write_folder


def write(folder, content="hello"):
    def fill(draft):
        (draft / "deep").mkdir()
        (draft / "deep" / "part.txt").write_text(content)
        return {"what": "a test"}

    return write_folder(folder, fill)


def test_a_folder_survives_its_disk(tmp_path):
    manifest = write(tmp_path / "p")
    assert read_folder(tmp_path / "p") == manifest
    assert write(tmp_path / "q") == manifest, "the same content must give the same version"
    assert write(tmp_path / "p", "other")["version"] != manifest["version"]


def test_a_changed_byte_is_refused(tmp_path):
    write(tmp_path / "p")
    (tmp_path / "p" / "deep" / "part.txt").write_text("hellO")
    with pytest.raises(PolicyFileError, match=r"part\.txt: does not match"):
        read_folder(tmp_path / "p")


def test_a_changed_manifest_is_refused(tmp_path):
    write(tmp_path / "p")
    path = tmp_path / "p" / "manifest.json"
    path.write_text(path.read_text().replace("a test", "a tesT"))
    with pytest.raises(PolicyFileError, match="changed since it was written"):
        read_folder(tmp_path / "p")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": 99}', "\x00"])
def test_a_damaged_manifest_is_refused(tmp_path, content):
    write(tmp_path / "p")
    (tmp_path / "p" / "manifest.json").write_text(content)
    with pytest.raises(PolicyFileError, match="Train the policy again"):
        read_folder(tmp_path / "p")


def test_a_manifest_cannot_reach_outside_its_folder(tmp_path, monkeypatch):
    write(tmp_path / "p")
    path = tmp_path / "p" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"] = {"../secret": "0" * 64}
    path.write_text(json.dumps(manifest))
    monkeypatch.setattr("router.policy_files._version", lambda _: manifest["version"])
    with pytest.raises(PolicyFileError, match="outside the folder"):
        read_folder(tmp_path / "p")


def test_a_failed_or_interrupted_write_keeps_the_old_folder(tmp_path):
    manifest = write(tmp_path / "p")

    def fail(draft):
        (draft / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "p", fail)
    assert read_folder(tmp_path / "p") == manifest
    assert [one.name for one in tmp_path.iterdir() if one.suffix != ".lock"] == ["p"]


def test_two_trainings_into_one_folder_are_told_apart(tmp_path):
    with FileLock(tmp_path / ".p.lock"), pytest.raises(InputError, match="another training"):
        write(tmp_path / "p")


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not a policy folder"):
        write(tmp_path / "p")
    assert (tmp_path / "p" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("name", [5, None, "a\x00b", "/etc/passwd"])
def test_what_is_no_name_of_a_file_inside_is_refused(name, tmp_path, monkeypatch):
    write(tmp_path / "p")
    path = tmp_path / "p" / "manifest.json"
    manifest = json.loads(path.read_text()) | {"files": {name: "0" * 64}}
    monkeypatch.setattr("router.policy_files.read_json", lambda *_: manifest)
    monkeypatch.setattr("router.policy_files._version", lambda _: manifest["version"])
    with pytest.raises(PolicyFileError, match="outside the folder"):
        read_folder(tmp_path / "p")


def test_a_link_is_refused_wherever_it_leads(tmp_path):
    write(tmp_path / "p")
    (tmp_path / "p" / "link").symlink_to(tmp_path / "p" / "manifest.json")
    with pytest.raises(PolicyFileError, match="is a link"):
        read_folder(tmp_path / "p")


def test_a_file_that_was_never_sealed_is_refused(tmp_path):
    write(tmp_path / "p")
    (tmp_path / "p" / "extra.npy").write_bytes(b"")
    with pytest.raises(PolicyFileError, match="not in the manifest"):
        read_folder(tmp_path / "p")


@pytest.mark.parametrize("text", ["[" * 100_000, "", "[]", '{"format": 1, "files": {"a": "b"}}', "x" * 4_000_001])
def test_a_manifest_made_to_harm_is_one_message(text, tmp_path):
    write(tmp_path / "p")
    (tmp_path / "p" / "manifest.json").write_text(text)
    with pytest.raises(PolicyFileError):
        read_folder(tmp_path / "p")
