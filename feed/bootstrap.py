"""The composition root: settings become a running Service, alone on its store or one of several."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from secrets import token_hex

from controls.service import DecisionService
from feed.access.auth import Authenticator
from feed.access.keys import KeySet, load_secret
from feed.clock import Clock, SystemClock
from feed.control.barrier import Barrier
from feed.control.duties import Duties, Post
from feed.control.publisher import Publisher
from feed.control.replica import Replica
from feed.control.restricting import Restricting
from feed.corrections.sending import Corrections
from feed.decisions.consequences import Consequences
from feed.items.entrance import Entrance
from feed.items.families import Families
from feed.ledger.keys import LogKeys, load_log_keys
from feed.models.library import Graphs, PolicyDocuments
from feed.observing.metrics import Metrics
from feed.pages.cursor import Cursors
from feed.pages.making import Pages
from feed.pages.servings import ServingQueue
from feed.processes.deployment import Deployment, check_shared, open_deployment
from feed.processes.hearing import Hearing
from feed.readers.sharing import ReaderSharing
from feed.readers.states import ReaderStates
from feed.settings import Settings
from feed.storage.ports.sharing import Bus, Message, Topic
from feed.storage.ports.store import Store
from feed.stores import open_store
from feed.transparency.evidence import Evidence
from feed.transparency.stating import Stater, desk_of
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
    deployment: Deployment
    duties: Duties
    families: Families
    entrance: Entrance
    evidence: Evidence
    consequences: Consequences
    corrections: Corrections
    readers: ReaderStates
    reader_sharing: ReaderSharing
    hearing: Hearing
    servings: ServingQueue
    pages: Pages
    decisions: DecisionService
    authenticator: Authenticator
    metrics: Metrics

    def start(self) -> None:
        """Compile the kernels, catch up with ledger and journal, and start following and publishing."""
        warm()
        self.hearing.start()
        self.replica.start()
        self.servings.start()
        self.duties.start()
        self.consequences.start()
        self.families.start(lambda: self.replica.latest().catalogue.ids, self.clock.now())

    def close(self) -> None:
        """Stop publishing and following, write what is queued, close the store."""
        self.families.close()
        self.duties.close()
        self.replica.close()
        self.consequences.close()
        self.servings.close()
        self.deployment.close()
        self.store.close()


def open_service(
    settings: Settings,
    clock: Clock | None = None,
    store: Store | None = None,
    deployment: Deployment | None = None,
    mark: str = "",
) -> Service:
    """A Service on the store of the settings' home folder (or the one given), alone or as they say (or as one of the
    ``deployment`` given), not yet started. By its ``mark`` whoever started this process knows it among the others.

    Raises ``SetupInvalid`` for settings that cannot be served, and the storage errors of opening.
    """
    check_shared(settings)
    clock = clock or SystemClock()
    secret = load_secret(settings)
    log_keys = load_log_keys(settings)
    settings.models_folder.mkdir(parents=True, exist_ok=True)
    store = store or open_store(settings, shared=settings.redis is not None)
    try:
        return _composed(settings, clock, store, deployment or open_deployment(settings, store, mark), secret, log_keys)
    except BaseException:
        store.close()
        raise


def _composed(
    settings: Settings, clock: Clock, store: Store, deployment: Deployment, secret: bytes, log_keys: LogKeys
) -> Service:
    graphs = Graphs(store.models, settings.models_folder)
    policies = PolicyDocuments(store.policies)
    sharing = deployment.sharing
    bus = sharing.bus if sharing is not None else None
    barrier = Barrier(store.replicas, bus, clock, name=deployment.name, lease=settings.lease)
    reader_sharing = ReaderSharing(store, sharing, barrier, clock, lease=settings.lease)
    replica = Replica(
        store,
        Fold(policies, graphs),
        clock,
        lease_seconds=settings.lease,
        name=deployment.name,
        release=deployment.release,
        barrier=barrier if bus is not None else None,
        acknowledged=bus.acknowledge if bus is not None else None,
        before_confirming=reader_sharing.renew,
        returned=reader_sharing.returned,
        written=partial(_wake_others, bus) if bus is not None else None,
    )
    stater = Stater(store, policies, lambda: replica.latest().governance, desk_of(settings))

    def take_up() -> Post:
        restricting = Restricting(store, stater, quiet=settings.restriction_quiet)
        publisher = Publisher(
            store, clock, replica.latest, replica.wake, popular_every=settings.popular_every, restricting=restricting
        )
        return Post(publisher, restricting)

    duties = Duties(store.role("duties"), take_up, replica.latest)
    replica.on_swap(duties.swapped)
    families = Families(store)
    evidence = Evidence(store, log_keys.signer, families.members, days=settings.evidence_days)
    consequences = Consequences(store, clock, evidence, families.members, correction_days=settings.correction_days)
    replica.on_swap(consequences.swapped)
    if bus is not None:
        consequences.corrections.announce(partial(_tell_told, bus))
    servings = ServingQueue(store, settings.servings_queue)
    readers = ReaderStates(
        store,
        settings.reader_states,
        memory=settings.reader_memory,
        read=reader_sharing.read if bus is not None else None,
        trusted=reader_sharing.trusted if bus is not None else None,
        monotonic=clock.monotonic,
    )
    reader_sharing.serve(readers)
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
        deployment=deployment,
        duties=duties,
        families=families,
        entrance=Entrance(policies, secret, settings.inspect_share),
        evidence=evidence,
        consequences=consequences,
        corrections=consequences.corrections,
        readers=readers,
        reader_sharing=reader_sharing,
        hearing=Hearing(deployment, replica, readers, duties, consequences.corrections),
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


def _wake_others(bus: Bus) -> None:
    bus.send([Message(Topic.LEDGER, "")])


def _tell_told(bus: Bus, reader: str, decision: str) -> None:
    bus.send([Message(Topic.TOLD, reader, decision.encode())])
