import json
import time

import numpy as np
import pytest

from router.embedding_cache import embed_cached
from router.encoders import (
    DEFAULT_ENCODER,
    HashingEncoder,
    OnnxEncoder,
    StaticEncoder,
    TorchEncoder,
    find_weights,
    load_encoder,
)
from router.errors import EncoderError
from router.settings import Settings

TEXTS = ["", "What is 2 + 2?", "Was ist das Wetter in Köln? 天気", "a much longer text " * 300, "\x00\x01"]


@pytest.fixture(scope="session")
def exports(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def encoders(exports):
    onnx = load_encoder(Settings(models_dir=exports))
    torch = TorchEncoder(DEFAULT_ENCODER, find_weights(DEFAULT_ENCODER))
    return {"onnx": onnx, "torch": torch, "hashing": HashingEncoder(), "static": StaticEncoder()}


@pytest.mark.parametrize("kind", ["onnx", "torch", "static", "hashing"])
def test_contract_of_every_encoder(encoders, kind):
    encoder = encoders[kind]
    together = encoder.encode(TEXTS)
    assert together.shape == (len(TEXTS), encoder.identity.dim) and together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(1.0, abs=1e-5)
    alone = np.stack([encoder.encode([text])[0] for text in TEXTS])
    assert np.array_equal(together, alone), "a vector depends on its batch"
    assert encoder.encode([]).shape == (0, encoder.identity.dim)


def test_onnx_gives_the_vectors_of_sentence_transformers(encoders):
    cosine = (encoders["onnx"].encode(TEXTS) * encoders["torch"].encode(TEXTS)).sum(axis=1)
    assert cosine.mean() >= 0.999 and cosine.min() >= 0.999
    assert encoders["onnx"].identity.comparable(encoders["torch"].identity)
    assert not encoders["onnx"].identity.comparable(encoders["hashing"].identity)


@pytest.mark.parametrize("kind", ["onnx", "static", "hashing"])
@pytest.mark.parametrize("text", ["word " * 200_000, "a" * 1_000_000], ids=["words", "one-word"])
def test_a_megabyte_is_cut_not_refused(encoders, kind, text):
    """The time is bounded because the same work is done as for what is read of it."""
    encoder, started = encoders[kind], time.process_time()
    whole = encoder.encode([text])[0]
    assert time.process_time() - started < 2
    assert np.array_equal(whole, encoder.encode([text[:40_000]])[0])


def test_static_vectors_know_likeness_and_not_order(encoders):
    a, b, far = encoders["static"].encode(["reset my password", "my password reset", "bake sourdough bread"])
    assert a @ b > 0.9 and a @ far < 0.3


def test_static_vectors_without_their_package_say_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("router.encoders.find_spec", lambda name: None)
    with pytest.raises(EncoderError, match=r"tierwise\[static\]"):
        load_encoder(Settings(models_dir=tmp_path, encoder_backend="static"))


def test_an_export_with_a_changed_byte_is_refused(encoders, exports, tmp_path):
    (folder,) = [one for one in (exports / "encoders").iterdir() if one.is_dir()]
    copy = tmp_path / "encoders" / folder.name
    copy.mkdir(parents=True)
    for name in ("model.onnx", "tokenizer.json"):
        (copy / name).write_bytes((folder / name).read_bytes())
    facts = json.loads((folder / "export.json").read_text())
    (copy / "export.json").write_text(json.dumps(facts))
    with (copy / "model.onnx").open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"\xff\xfe\xfd")
    with pytest.raises(EncoderError, match="changed since it was exported"):
        OnnxEncoder(DEFAULT_ENCODER, find_weights(DEFAULT_ENCODER), tmp_path / "encoders", False, 1)


def test_an_unknown_encoder_is_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EncoderError, match="Give a folder"):
        find_weights("nobody/no-such-model")


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(EncoderError, match="no weights"):
        load_encoder(Settings(models_dir=tmp_path, encoder=str(tmp_path)))


class _Counting(HashingEncoder):
    calls = 0

    def encode(self, texts):
        self.calls += len(texts)
        return super().encode(texts)


def test_cached_embeddings_are_the_same_and_not_made_twice(tmp_path):
    encoder, texts = _Counting(), [f"text {i % 150}" for i in range(200)]
    first = embed_cached(encoder, texts, tmp_path)
    assert encoder.calls == 150
    assert np.array_equal(first, embed_cached(encoder, texts, tmp_path)) and encoder.calls == 150
    assert np.array_equal(first, HashingEncoder().encode(texts))
