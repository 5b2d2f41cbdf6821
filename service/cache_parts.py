"""The cache as the settings ask for it: its store, its judge, its rules, and what makes vectors."""

from router.cache.key import KeyRules
from router.cache.records import CacheRules
from router.cache.risk_control import BudgetRules
from router.cache.semantic import SemanticCache
from router.cache.store import CacheStore
from router.cache.verifier import Verifier
from router.encoders import Encoder, encode_text
from router.settings import Settings
from service.privacy import cipher_of

# Entries of an encoder that could not be loaded have no vectors: the byte-identical are found all the same.
_NO_ENCODER, _NO_DIM = "none", 1


def open_cache(settings: Settings, encoder: Encoder | None) -> SemanticCache:
    """The cache; `warm` reads what is stored into memory. Raises TierwiseError where store or verifier fail."""
    url = settings.cache_url or settings.store_url
    store = CacheStore(
        url,
        timeout_seconds=settings.store_timeout_seconds,
        fsync=settings.store_fsync,
        cipher=cipher_of(settings),
    )
    identity = None if encoder is None else encoder.identity
    name = _NO_ENCODER if identity is None else f"{identity.weights[:24]}-{identity.precision}"
    return SemanticCache(
        store,
        Verifier.load(settings.cache_verifier, "" if identity is None else identity.weights),
        name,
        _NO_DIM if identity is None else identity.dim,
        rules_of(settings),
        embed=None if encoder is None else lambda text: encode_text(encoder, text),
        index_dir=settings.models_dir / "cache-index",
    )


def rules_of(settings: Settings) -> CacheRules:
    general = BudgetRules(max_wrong=settings.cache_max_wrong, per=settings.cache_per)
    tenants = {
        name: BudgetRules(
            max_wrong=general.max_wrong if own.max_wrong is None else own.max_wrong, per=own.per or general.per
        )
        for name, own in settings.cache_tenants.items()
    }
    return CacheRules(
        key=KeyRules(settings.cache_max_temperature, settings.cache_read_only_tools),
        budget=general,
        tenants=tenants,
        ttl_seconds=settings.cache_ttl_seconds,
        max_entries=settings.cache_max_entries,
        max_answer_bytes=settings.cache_max_answer_bytes,
    )
