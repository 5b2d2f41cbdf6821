"""`python -m training verifier`: train the cache's judge of pairs anew, on pairs of yours."""

import argparse
from pathlib import Path

from router.console import stage_progress
from router.embedding_cache import embed_cached
from router.encoders import load_encoder
from router.errors import InputError
from router.settings import Settings
from training.verifier import PairSet, fit_verifier


def add_verifier(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pairs",
        nargs="+",
        required=True,
        metavar="FILE[:WEIGHT]",
        help="tables with cached, incoming, same and split (calibrate, test); a weight counts each row so often",
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder to write, such as models/verifier")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(command=_train)


def _train(arguments: argparse.Namespace) -> None:
    settings = Settings()
    sets = [pair_set(given) for given in arguments.pairs]
    with stage_progress() as progress:
        encoder = load_encoder(settings)
        manifest = fit_verifier(
            sets,
            encoder,
            arguments.out,
            seed=arguments.seed,
            embed=lambda texts: embed_cached(encoder, texts, settings.models_dir / "embeddings"),
            progress=progress,
        )
    for one in manifest["trained"]["measured"]["test"]:
        if "auc" in one:
            print(
                f"{one['pairs']}, test part: AUC {one['auc']:.3f} [{one['low']:.3f}, {one['high']:.3f}], "
                f"cosine alone {one['cosine_auc']:.3f}, n = {one['n']:,}"
            )
    print(f"Verifier in {arguments.out}.")
    print(f"Next: python -m eval cache --verifier {arguments.out} --stream STREAM.parquet --out reports/cache.parquet")


def pair_set(given: str) -> PairSet:
    """Read FILE or FILE:WEIGHT. Raises InputError."""
    path, colon, weight = given.rpartition(":")
    if not colon:
        return PairSet(Path(given))
    try:
        number = float(weight)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise InputError("pairs", given, "the weight is not a positive number", "Write FILE or FILE:WEIGHT.")
    return PairSet(Path(path), number)
