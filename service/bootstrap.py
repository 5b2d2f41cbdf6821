"""Where real parts are chosen and wired, and the only place where they are. Everything else is given its parts."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from fastapi import FastAPI

from router.cache.follower import CacheFollower
from router.cache.guarded import GuardedCache
from router.current_policy import PolicyWatcher
from router.encoders import load_encoder, threads
from router.engine import Engine, Limits
from router.errors import PolicyFileError, TierwiseError
from router.estimate.linear_algebra import one_blas_thread
from router.events import CacheFailed, EncoderFailed, Hook, PolicyRefused, SpendingFileRead, tell
from router.exploration import explorer_of
from router.log.feed import ReportFeed
from router.log.presence import Presence, PresenceStore
from router.log.store import LogStore
from router.policy import Policy
from router.policy_files import MANIFEST
from router.privacy.leaver import Leaver, forget_in_each
from router.privacy.text_rule import TextRule
from router.rollout.candidate_watcher import CandidateWatcher
from router.rollout.stages import Trial
from router.safe_route import SafeRoute
from router.settings import Settings
from router.spend.alert_rules import Alert
from router.spend.current import SpendingFile
from router.spend.late_booking import LateBooking
from router.spend.spending import Spending
from service import allocator, registry
from service.access_start import make_rates, make_ring
from service.app import create_app
from service.cache_parts import open_cache
from service.chores import Chores, Turn
from service.counting import DecisionCounts
from service.drifting import Drifting
from service.following import Following
from service.guarding import Guarding, guard_rules
from service.inputs import PUBLISH_EVERY_SECONDS, SeenInputs
from service.loading import until_all_work
from service.logs import EventLog, make_logger
from service.metrics import Metrics
from service.retraining import Retraining
from service.shadowing import make_runs, make_shadow
from service.tracing import Tracing, make_exporter
from service.watching import Watching

VERSION = "0.1.0"


class Runtime:
    """The parts of one serving process. Building them connects to nothing; `start` does the slow work in a thread, so
    that the service listens, and answers with the safe route, while the encoder is still loading.

    Raises TierwiseError for settings that can never work.
    """

    def __init__(self, settings: Settings, logger: Any = None) -> None:
        self.settings, self.logger = settings, logger or make_logger(settings.log_level)
        self.metrics = Metrics()
        exporter = make_exporter(settings.traces)
        self.tracing = Tracing(exporter, VERSION) if exporter else None
        self.counts = DecisionCounts()
        tracing = [self.tracing] if self.tracing else []
        self.hooks: tuple[Hook, ...] = (self.metrics, EventLog(self.logger), self.counts, *tracing)
        if settings.policy is not None and not (settings.policy / MANIFEST).is_file():
            raise PolicyFileError(f"policy {settings.policy}: no policy here (no {MANIFEST}). Check --policy.")
        safe = SafeRoute.from_key(settings.safe_route, settings.safe_max_output_tokens)
        limits = Limits(
            settings.encode_timeout_seconds,
            settings.store_timeout_seconds,
            threads(settings),
            settings.max_waiting_requests,
        )
        self.presence = Presence(
            PresenceStore(settings.store_url, settings.store_timeout_seconds), self._forget, settings.workers
        )
        self.ring = make_ring(settings, make_rates(settings, self.presence, self.metrics))
        self.store = LogStore(
            settings.store_url,
            timeout_seconds=settings.store_timeout_seconds,
            fsync=settings.store_fsync,
            keep_text=TextRule(settings.store_text, settings.store_text_tenants),
            late=LateBooking,
        )
        rules = SpendingFile(settings.spending, lambda problem: tell(self.hooks, SpendingFileRead(problem)))
        self.spending = Spending(rules)
        explorer = explorer_of(settings)
        self.engine = Engine(
            safe, self.store, limits=limits, hooks=self.hooks, spending=self.spending, explorer=explorer
        )
        models, hooks = settings.models_dir, self.hooks
        self.guarding = Guarding(
            models, self.store, guard_rules(settings), hooks, announce=lambda found: self._announce(found)
        )
        retraining = Retraining(settings.retrain)
        self.drifting = Drifting(self.engine, models, lambda found: self._announce(found), hooks, retraining)
        self._following = following = Following(ReportFeed(self.store), [self.guarding, self.drifting])
        turns: list[Turn] = [(settings.guard_every_seconds, following.look)]
        turns.append((registry.LOOK_EVERY_SECONDS, registry.RegistryFollower(settings, hooks).look))
        if settings.retrain_every_hours is not None:
            turns.append((settings.retrain_every_hours * 3600, lambda: retraining("schedule")))
        inputs = SeenInputs(self.engine)
        everyone: list[Turn] = [(settings.guard_every_seconds, lambda: self.counts.publish(self.store))]
        everyone.append((PUBLISH_EVERY_SECONDS, inputs.publish))
        everyone.append((allocator.EVERY_SECONDS, allocator.give_back))
        self.chores = Chores(self.store, self.spending, hooks, settings, turns, everyone)
        self.runs = make_runs(settings, self.store, self.spending, self.engine.price, self.hooks)
        self.shadow = make_shadow(settings, self.store, self.spending, self.hooks, self.runs)
        self.engine.watcher = Watching([self.shadow, inputs, *([self.runs] if self.runs else [])])
        follow = settings.models_dir, self.hooks, settings.policy_poll_seconds
        self.watcher = PolicyWatcher(follow[0], self.engine.swap, *follow[1:], self.engine.known)
        self.candidates = CandidateWatcher(follow[0], self._try, *follow[1:], self.engine.known)
        self._follower: CacheFollower | None = None
        self._closing = Event()
        self._loading = Thread(target=self._load, name="loader", daemon=True)

    def start(self) -> None:
        self._loading.start()
        self.presence.start()
        self.chores.start()
        self.shadow.start()
        if self.runs is not None:
            self.runs.start()
        if self.ring is not None:
            self.ring.start()

    def close(self) -> None:
        """Stop following, then write what waits."""
        self._closing.set()
        self.presence.stop()
        if self.ring is not None:
            self.ring.stop()
        self.watcher.stop()
        self.candidates.stop()
        self.shadow.close()
        if self.runs is not None:
            self.runs.close()
        self.chores.stop()
        if self._follower is not None:
            self._follower.stop()
        self.engine.close()
        if self.tracing is not None:
            self.tracing.close()

    def app(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            self.start()
            yield
            self.close()

        watching = self.guarding, self.drifting
        return create_app(self.engine, self.settings, self.metrics, self.logger, lifespan, self.ring, *watching)

    def _forget(self, leaver: Leaver) -> None:
        forget_in_each([self.engine, self._following], leaver)

    def _announce(self, found: Sequence[Alert]) -> None:
        self.chores.alerting.announce(found)

    def _load(self) -> None:
        """The encoder first: a policy is taken only when it fits the encoder. The store's tables are made meanwhile."""
        self._open_store()
        one_blas_thread()
        steps = [self._load_encoder, self._load_policy, self._load_candidate]
        if self.settings.cache:  # last: a large cache takes long to read, and nobody needs it to be answered
            steps.append(self._open_cache)
        until_all_work(steps, self._closing)

    def _load_encoder(self) -> bool:
        try:
            self.engine.use_encoder(load_encoder(self.settings))
        except Exception as error:
            tell(self.hooks, EncoderFailed(_said(error)))
            return False
        return True

    def _load_policy(self) -> bool:
        if self.settings.policy is None:
            self.watcher.look()
            self.watcher.start()
            return True
        return self._taken(self.settings.policy, self.engine.swap)

    def _load_candidate(self) -> bool:
        if self.settings.candidate is None:
            self.candidates.look()
            self.candidates.start()
            return True
        return self._taken(self.settings.candidate, lambda policy: self._try(Trial(policy, 0.0)))

    def _taken(self, folder: Path, use: Callable[[Policy], None]) -> bool:
        try:
            use(Policy.load(folder))
        except Exception as error:
            tell(self.hooks, PolicyRefused(folder, _said(error)))
            return False
        return True

    def _try(self, trial: Trial | None) -> None:
        self.engine.try_policy(trial)
        self.shadow.use(None if trial is None else trial.policy)

    def _open_cache(self) -> bool:
        """Without a cache every request is asked of a model, which is right and merely dear. Opened without an encoder
        it finds the byte-identical only, and is opened again once there is one."""
        encoder, before = self.engine.encoder, self.engine.cache
        if before is not None and encoder is None:
            return False
        try:
            cache = open_cache(self.settings, encoder)
        except Exception as error:
            tell(self.hooks, CacheFailed("open", _said(error)))
            return False
        self.engine.use_cache(GuardedCache(cache, self.hooks))
        if self._follower is not None:
            self._follower.stop()
        self._follower = CacheFollower(cache, self.hooks)
        self._follower.start()
        self.metrics.watch_cache(cache)
        if before is not None:
            before.close()
        try:
            cache.warm()
        except Exception as error:  # what is not in memory is read when it is asked for
            tell(self.hooks, CacheFailed("open", _said(error)))
        return encoder is not None

    def _open_store(self) -> None:
        """Make the tables now and not in the first request's time, and what a killed process left is kept. What
        fails here is told by /readyz."""
        with suppress(TierwiseError, OSError):
            self.store.probe()
            self.store.recover()


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, TierwiseError) else repr(error)
