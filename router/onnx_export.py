"""Turns a sentence-transformers folder into an ONNX file that serving loads. Built once per weights and precision.

torch is needed here and nowhere in serving, so the build runs in a process of its own. An export folder is written
under a lock, moved into place whole, and checked against its digests at every load.
"""

import hashlib
import json
import multiprocessing
import shutil
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from router.errors import EncoderError

EXPORT_VERSION = 1
FILES = ("model.onnx", "tokenizer.json")


@dataclass(frozen=True)
class Export:
    """A checked export: where its files are, its window in tokens, its dimension, the digest of its source weights."""

    model: Path
    tokenizer: Path
    window: int
    dim: int
    weights: str


def weights_digest(folder: Path) -> str:
    """SHA-256 of the model's weights (of all of them, in name order, where there are several files)."""
    files = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("pytorch_model*.bin"))
    if not files:
        raise EncoderError(f"{folder}: no weights (*.safetensors) in this folder")
    if len(files) == 1:
        return file_digest(files[0])
    return hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()


def file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def ensure_export(name: str, weights: Path, exports: Path, int8: bool) -> Export:
    """The export for these weights, built if it is not there. Raises EncoderError when it is damaged."""
    digest = weights_digest(weights)
    short = "".join(c if c.isalnum() or c in "-." else "-" for c in Path(name).name)
    folder = exports / f"{short}-{digest[:12]}-{'int8' if int8 else 'fp32'}"
    exports.mkdir(parents=True, exist_ok=True)
    with FileLock(exports / ".lock"):
        if not (folder / "export.json").is_file():
            _build_apart(weights, folder, int8, digest)
    return _checked(folder, digest)


def _build_apart(weights: Path, folder: Path, int8: bool, digest: str) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        process.submit(build, weights, folder, int8, digest).result()


def build(weights: Path, folder: Path, int8: bool, digest: str) -> None:
    """Write the export folder: model.onnx, tokenizer.json and export.json with their digests."""
    draft = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        facts = _export_model(weights, draft)
        if int8:
            _quantise(draft / "model.onnx")
        facts |= {"version": EXPORT_VERSION, "weights": digest, "files": {f: file_digest(draft / f) for f in FILES}}
        (draft / "export.json").write_text(json.dumps(facts, indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _export_model(weights: Path, folder: Path) -> dict[str, Any]:
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    # the eager attention is the one that the tracer can follow
    arguments = {"attn_implementation": "eager"}
    model = SentenceTransformer(str(weights), device="cpu", local_files_only=True, model_kwargs=arguments).eval()

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            vectors = self.model({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]
            return torch.nn.functional.normalize(vectors, dim=1)

    example = torch.ones(1, 8, dtype=torch.long)
    axes = {"input_ids": {0: "batch", 1: "tokens"}, "attention_mask": {0: "batch", 1: "tokens"}, "vector": {0: "batch"}}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer's notes on constants; the vectors are compared in the tests
        torch.onnx.export(
            Pooled(),
            (example, example),
            str(folder / "model.onnx"),
            dynamo=False,
            opset_version=17,
            input_names=["input_ids", "attention_mask"],
            output_names=["vector"],
            dynamic_axes=axes,
        )
    model.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    return {"window": int(model.max_seq_length or 256), "dim": int(model.get_embedding_dimension() or 0)}


def _quantise(path: Path) -> None:
    """int8 weights, one scale per channel (one per tensor loses far more: mean cosine .96 against .99)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    small = path.with_suffix(".int8.onnx")
    quantize_dynamic(path, small, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
    small.replace(path)


def _checked(folder: Path, digest: str) -> Export:
    cure = f"Delete {folder} and it is built anew."
    try:
        facts = json.loads((folder / "export.json").read_text())
        if facts["version"] != EXPORT_VERSION or facts["weights"] != digest:
            raise EncoderError(f"{folder}: an export of other weights or of another version. {cure}")
        for name in FILES:
            if file_digest(folder / name) != facts["files"][name]:
                raise EncoderError(f"{folder / name}: changed since it was exported. {cure}")
        return Export(folder / "model.onnx", folder / "tokenizer.json", facts["window"], facts["dim"], digest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EncoderError(f"{folder}: not a readable export ({error}). {cure}") from error
