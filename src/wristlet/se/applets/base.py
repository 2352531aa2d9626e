"""What an applet is given by the card and what the card expects of an applet.

The card owns everything around an applet: power, selection, logical channels, chaining, GET
RESPONSE, secure messaging and the transaction. An applet sees plain commands only and refuses by
raising `CardError`; whatever it had written is then undone, except what it made durable itself
by `State.flush`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from wristlet.env.base import Env
    from wristlet.se.profile import Profile
    from wristlet.se.tap_watch import TapWatch
    from wristlet.wire.apdu import Command, Response
    from wristlet.wire.gp.lifecycle import ContactlessState

T = TypeVar("T")
Args = TypeVarTuple("Args")


class Interface(IntEnum):
    """The door a command came in by; taken from the socket, never from the command."""

    WIRED = 0
    CONTACTLESS = 1


class CardError(Exception):
    """The only way an applet refuses: one status word and, rarely, data that go with it."""

    def __init__(self, sw: int, data: bytes = b"") -> None:
        super().__init__(f"status word {sw:04X}")
        self.sw = int(sw)
        self.data = data


@dataclass(frozen=True, slots=True)
class Instance:
    """One entry of the card's registry of applications.

    `life_cycle` is the application's life cycle byte, `contactless` its own durable activation
    state (see `Registry.effective` for the one that counts), `priority` its place in the durable
    contactless order (0 is served first).
    """

    aid: bytes
    module_aid: bytes
    domain_aid: bytes
    life_cycle: int
    contactless: ContactlessState
    priority: int
    privileges: bytes = b"\0\0\0"


class State(Protocol):
    """The applet's share of the sealed store; values are bytes, keys are text.

    All writes of one command become one durable record when the command ends without an
    exception. Reads see the command's own writes.
    """

    def get(self, key: str) -> bytes | None: ...

    @property
    def generation(self) -> int:
        """What came from `kept` holds as long as this number stays."""

    def kept(self, name: Hashable, make: Callable[[*Args], T], *args: *Args) -> T:
        """What `make(*args)` returns, made once and kept until a value that it read changes.

        `make` reads by `get` and the registry only; `name` tells it from all else that is kept.
        """

    def put(self, key: str, value: bytes) -> None: ...

    def delete(self, key: str) -> None: ...

    def keys(self, prefix: str) -> list[str]: ...

    def flush(self) -> None:
        """Make what was written so far durable now; a later refusal no longer undoes it."""


class Registry(Protocol):
    """The applications on the card and their contactless states.

    Writes take part in the command's transaction; the volatile priority lives in memory only and
    ends with the contactless field.
    """

    @property
    def update_counter(self) -> int:
        """Counts changes of the contactless registry (2 bytes on the wire, wraps)."""

    @property
    def volatile(self) -> bytes | None:
        """AID of the instance that has volatile priority."""

    def instances(self) -> list[Instance]:
        """All instances, in order of installation."""

    def payment(self) -> list[Instance]:
        """The instances of payment modules in contactless order, highest priority first."""

    def get(self, aid: bytes) -> Instance | None: ...

    def effective(self, aid: bytes) -> ContactlessState:
        """Activation state that counts now: under volatile priority only that one is active."""

    def active(self) -> list[Instance]:
        """Payment instances that answer a terminal now, highest priority first."""

    def set_contactless(self, aid: bytes, state: ContactlessState) -> None:
        """Set one durable activation state; other instances stay as they are."""

    def activate(self, aid: bytes) -> None:
        """Activate one instance and, unless the profile is open, deactivate every other one.

        Refuses (6985) an instance that is NON_ACTIVATABLE, (6A88) one that does not exist.
        """

    def set_priority(self, order: Sequence[bytes]) -> None:
        """Set the durable contactless order, highest first; AIDs left out follow as they were."""

    def set_volatile(self, aid: bytes | None) -> None:
        """Give one instance volatile priority until field-off, or take it away."""


class Context(Protocol):
    """What the card gives an applet: one object for as long as the applet stays selected."""

    @property
    def aid(self) -> bytes:
        """AID of the instance that is selected (not of its module)."""

    @property
    def interface(self) -> Interface: ...

    @property
    def env(self) -> Env: ...

    @property
    def state(self) -> State: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def profile(self) -> Profile: ...

    @property
    def se_id(self) -> bytes:
        """Identity of this secure element, 16 bytes."""

    @property
    def secured(self) -> bool:
        """The command came through an authenticated secure channel of the applet's domain."""

    @property
    def peer(self) -> bytes | None:
        """SHA-256 of the static public point at the other end of that channel (SCP11 only)."""

    @property
    def transient(self) -> dict[str, Any]:
        """Memory of this selection only; gone at deselect, reset and power-off."""

    @property
    def taps(self) -> TapWatch:
        """What the last tap came to, in memory only."""

    def sign(self, message: bytes) -> bytes:
        """Sign by the attestation key: ECDSA P-256 SHA-256, r then s, 64 bytes."""

    def keyed_hash(self, message: bytes) -> bytes:
        """HMAC-SHA-256 under a key that was born in this secure element and never leaves it."""

    @property
    def event_counter(self) -> int:
        """The card's event counter as it stands, in this transaction."""

    def bump_event(self) -> int:
        """Move the card's event counter by one, in this transaction; gives the new value."""

    def touch(self) -> None:
        """Mark the command as one about PIN, keys or life cycle: the rollback counter moves.

        The counter moves together with the next durable write (`State.flush` or the end).
        """

    def remove_all_payment_instances(self) -> None:
        """Delete every payment instance with its data, in this transaction."""


class Applet(Protocol):
    """Code of an application; holds no state of its own, one object serves every card.

    A module offers its applets as `APPLETS: tuple[Applet, ...]`; the entry point group is
    `wristlet.applets`.
    """

    @property
    def aid(self) -> bytes:
        """AID of the module. Applets that exist once are installed under this very AID."""

    def serves(self, interface: Interface, profile: Profile) -> bool:
        """Can it be selected through this interface? If not SELECT finds nothing (6A82)."""

    def select(self, ctx: Context, aid: bytes) -> bytes:
        """Give the answer to SELECT; `aid` is the (perhaps shorter) name that was asked for."""

    def process(self, ctx: Context, command: Command) -> Response:
        """Handle one plain, reassembled command (`CLA` without channel and security bits).

        Secure channel set-up (PSO, MUTUAL AUTHENTICATE) and GET DATA BF21 never come here when
        the instance's domain offers SCP11: the card answers them. Data longer than the caller's
        Le are cut into GET RESPONSE pieces by the card.
        """

    def deselect(self, ctx: Context) -> None: ...


class PaymentModule(Applet, Protocol):
    """An applet of which there is one instance per token, personalised by a staged script."""

    def check_perso(
        self, instance: Instance, dgis: Mapping[int, bytes], encrypted: frozenset[int]
    ) -> None:
        """Refuse (`CardError`) a missing, surplus, malformed or unencrypted secret DGI.

        Values are in clear; `encrypted` names the numbers that came under S-DEK. The product is
        found from the instance's module and its registered AID and the DGIs given. Called before
        anything is written.
        """

    def commit_perso(self, ctx: Context, instance: Instance, dgis: Mapping[int, bytes]) -> None:
        """Write the instance's data under `inst/<AID hex>/`, inside the committing transaction."""

    def remove(self, ctx: Context, instance: Instance) -> None:
        """Called before the instance goes; the card deletes its `inst/<AID hex>/` keys itself."""


@lru_cache(maxsize=1024)
def instance_key(aid: bytes, name: str) -> str:
    """Key of one data item of an instance: `inst/<AID hex>/<name>`."""
    return f"inst/{aid.hex().upper()}/{name}"
