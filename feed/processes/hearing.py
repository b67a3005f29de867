"""Hearing: what a process does about the messages of the others. A message only wakes, or makes forget (law 2)."""

from __future__ import annotations

from collections.abc import Sequence

from feed.control.duties import Duties
from feed.control.replica import Replica
from feed.corrections.sending import Corrections
from feed.processes.deployment import Deployment
from feed.readers.sharing import events_of
from feed.readers.states import ReaderStates
from feed.storage.ports.sharing import Message, Topic


class Hearing:
    """One process's ear. It listens on a thread of the bus."""

    def __init__(
        self,
        deployment: Deployment,
        replica: Replica,
        states: ReaderStates,
        duties: Duties,
        corrections: Corrections,
    ) -> None:
        self._deployment = deployment
        self._replica = replica
        self._states = states
        self._duties = duties
        self._corrections = corrections

    def start(self) -> None:
        """Join the others, if there may be any."""
        if self._deployment.sharing is not None:
            self._deployment.sharing.bus.start(self._deployment.name, self.heard, self.lost)

    def heard(self, messages: Sequence[Message]) -> None:
        """Take messages, in order."""
        for message in messages:
            self._take(message)

    def lost(self) -> None:
        """Messages may have been missed: what is remembered of readers is read anew, everything else is looked at."""
        self._states.clear()
        self._replica.look()
        self._duties.erased()

    def _take(self, message: Message) -> None:
        match message.topic:
            case Topic.LEDGER | Topic.JOURNAL:
                self._replica.look()
            case Topic.READER:
                self._states.invalidate(message.key)
                self._duties.events_came()
            case Topic.EVENTS:
                events = events_of(message)
                self._states.apply(events)
                self._duties.events_came()
                self._corrections.heard(events, elsewhere=True)
            case Topic.ERASED:
                self._states.invalidate(message.key)
                self._corrections.forget(message.key)
                self._duties.erased()
            case Topic.TOLD:
                self._corrections.told_elsewhere(message.key, message.content.decode())
