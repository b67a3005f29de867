"""The composition root: settings become a running Service, on the embedded store."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_hex

from controls.service import DecisionService
from feed.auth import Authenticator
from feed.clock import Clock, SystemClock
from feed.consequences import Consequences
from feed.control.publisher import Publisher
from feed.control.replica import Replica
from feed.control.restricting import Restricting
from feed.corrections import Corrections
from feed.cursor import Cursors
from feed.entrance import Entrance
from feed.evidence import Evidence
from feed.families import Families
from feed.keys import KeySet, load_secret
from feed.library import Graphs, PolicyDocuments
from feed.log_keys import LogKeys, load_log_keys
from feed.metrics import Metrics
from feed.pages import Pages
from feed.reader_states import ReaderStates
from feed.servings import ServingQueue
from feed.settings import Settings
from feed.stating import Stater, desk_of
from feed.storage.ports import Store
from feed.stores import open_store
from ranking.fold import Fold
from ranking.parameters import fault_of
from ranking.pipeline import warm


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a route may use. Made by :func:`open_service`; :meth:`start` before the first request."""

    settings: Settings
    clock: Clock
    store: Store
    log_keys: LogKeys
    graphs: Graphs
    policies: PolicyDocuments
    replica: Replica
    publisher: Publisher
    restricting: Restricting
    families: Families
    entrance: Entrance
    evidence: Evidence
    consequences: Consequences
    corrections: Corrections
    readers: ReaderStates
    servings: ServingQueue
    pages: Pages
    decisions: DecisionService
    authenticator: Authenticator
    metrics: Metrics

    def start(self) -> None:
        """Compile the kernels, catch up with ledger and journal, and start following and publishing."""
        warm()
        self.replica.start()
        self.servings.start()
        self.publisher.start()
        self.consequences.start()
        self.families.start(lambda: self.replica.latest().catalogue.ids, self.clock.now())

    def close(self) -> None:
        """Stop publishing and following, write what is queued, close the store."""
        self.families.close()
        self.publisher.close()
        self.replica.close()
        self.consequences.close()
        self.servings.close()
        self.store.close()


def open_service(settings: Settings, clock: Clock | None = None, store: Store | None = None) -> Service:
    """A Service on the store of the settings' home folder (or the one given), not yet started.

    Raises ``SetupInvalid`` for settings that cannot be served, and the storage errors of opening.
    """
    clock = clock or SystemClock()
    secret = load_secret(settings)
    log_keys = load_log_keys(settings)
    settings.models_folder.mkdir(parents=True, exist_ok=True)
    store = store or open_store(settings)
    graphs = Graphs(store.models, settings.models_folder)
    policies = PolicyDocuments(store.policies)
    replica = Replica(store, Fold(policies, graphs), clock, lease_seconds=settings.lease)
    stater = Stater(store, policies, lambda: replica.latest().governance, desk_of(settings))
    restricting = Restricting(store, stater, quiet=settings.restriction_quiet)
    replica.on_swap(restricting.swapped)
    publisher = Publisher(
        store, clock, replica.latest, replica.wake, popular_every=settings.popular_every, restricting=restricting
    )
    families = Families(store)
    evidence = Evidence(store, log_keys.signer, families.members, days=settings.evidence_days)
    consequences = Consequences(store, clock, evidence, families.members, correction_days=settings.correction_days)
    replica.on_swap(consequences.swapped)
    servings = ServingQueue(store, settings.servings_queue)
    decisions = DecisionService(
        store.ledger,
        governance=lambda: replica.latest().governance,
        columns=lambda: replica.latest().catalogue,
        policy_known=policies.known,
        model_known=graphs.known,
        # Ids begin with their second: an index over a long ledger then grows at its end.
        new_id=lambda: f"{clock.now():010x}{token_hex(11)}",
        policies=policies,
        settable=fault_of,
        approvals=settings.approvals,
    )
    return Service(
        settings=settings,
        clock=clock,
        store=store,
        log_keys=log_keys,
        graphs=graphs,
        policies=policies,
        replica=replica,
        publisher=publisher,
        restricting=restricting,
        families=families,
        entrance=Entrance(policies, secret, settings.inspect_share),
        evidence=evidence,
        consequences=consequences,
        corrections=consequences.corrections,
        readers=ReaderStates(store, settings.reader_states),
        servings=servings,
        pages=Pages(
            Cursors(secret, settings.cursor_hours * 3600),
            servings,
            clock,
            consequences.corrections,
            settings.minor_break_minutes,
        ),
        decisions=decisions,
        authenticator=Authenticator(settings, secret, KeySet(settings), store.keys, clock),
        metrics=Metrics(),
    )
