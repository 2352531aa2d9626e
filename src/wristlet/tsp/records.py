"""The rows of the token service's database, as values; fields in the order of `sql/`.

Sealed numbers stay sealed here: only `Vault` opens them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from wristlet.model.token import Suspender, TokenState
from wristlet.model.tsp_messages import TokenInfo, VerificationMethod
from wristlet.tsp.lifecycle import TokenLife, Wanted

REGISTERED = "registered"


@dataclass(frozen=True, slots=True)
class Device:
    """A secure element that the token service trusts; points are 65 bytes.

    `pin_event` is the event counter of the newest word about its PIN.
    """

    se_id: str
    model: str
    state: str
    attestation_point: bytes
    domain_point: bytes
    pin_event: int = -1


@dataclass(frozen=True, slots=True)
class Eligibility:
    """An offer to digitise; `card_sealed` is erased as soon as the offer is taken.

    `source_reference` names the token whose card it is, when the card was not typed.
    """

    eligibility_id: str
    requestor_id: str
    se_id: str
    card_sealed: bytes | None
    challenge: bytes
    terms_id: str
    expires_ms: int
    used_by_task: str | None
    source_reference: str | None = None


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as life-cycle operations see it."""

    token_reference: str
    requestor_id: str
    card_id: str
    se_id: str
    dpan_last4: str
    expiry_yymm: str
    product: str
    instance_aid: bytes
    card_last4: str
    issuer_name: str
    card_name: str
    card_art: str
    idv_id: str
    methods: str
    state: str
    suspended_by: str
    personalised: int
    verified: int
    ordered: str
    replaces: str | None = None
    renewal: str = ""

    @property
    def life(self) -> TokenLife:
        """The state machine's view of this row."""
        return TokenLife(
            TokenState(self.state),
            owners_from_text(self.suspended_by),
            bool(self.personalised),
            bool(self.verified),
        )

    @property
    def wanted_by_scripts(self) -> Wanted:
        """What the last script made for this token asks of the secure element."""
        return Wanted(self.ordered)

    def with_life(self, life: TokenLife, ordered: Wanted) -> TokenRow:
        """Return the row after an event."""
        return replace(
            self,
            state=life.state.value,
            suspended_by=owners_to_text(life.suspended_by),
            personalised=int(life.personalised),
            verified=int(life.verified),
            ordered=ordered.value,
        )

    def info(self) -> TokenInfo:
        """What anybody outside may know."""
        return TokenInfo(
            token_reference=self.token_reference,
            state=self.state,
            suspended_by=self.suspended_by.split(),
            card_last4=self.card_last4,
            token_last4=self.dpan_last4,
            token_expiry_yymm=self.expiry_yymm,
            issuer_name=self.issuer_name,
            product=self.card_name,
            card_art=self.card_art,
            se_id=self.se_id,
            instance_aid=self.instance_aid.hex(),
            replaces=self.replaces,
            renewal=self.renewal,
        )

    def verification_methods(self) -> list[VerificationMethod]:
        """The issuer's offers for proving identity."""
        return methods_from_text(self.methods)


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card; `reissued_as` is the card that took its place."""

    fpan_sealed: bytes
    expiry_sealed: bytes
    par: str
    reissued_as: str | None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order to a cardholder applet; `orders` counts the scripts written for it."""

    order_id: str
    requestor_id: str
    se_id: str
    kind: str
    phone_hash: str
    token_reference: str
    idv_id: str
    methods: str
    state: str
    script_number: int
    orders: int
    expires_ms: int
    created_ms: int


@dataclass(frozen=True, slots=True)
class NotificationRow:
    """One entry of the outbox with what names its token; `detail` is a transaction's JSON."""

    sequence: int
    kind: str
    created_ms: int
    token_reference: str
    token_last4: str
    card_last4: str
    se_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class ScriptRow:
    """A script that was handed out; `receipt_*` are set once its receipt was counted."""

    se_id: str
    domain_aid: bytes
    number: int
    requestor_id: str
    token_reference: str | None
    purpose: str
    plain_hash: bytes
    instance_aid: bytes
    package: str
    receipt_body: bytes | None
    receipt_answer: str | None


@dataclass(frozen=True, slots=True)
class TapRow:
    """What never changes about a token, as the authorisation path needs it."""

    token_reference: str
    requestor_id: str
    card_id: str
    se_id: str
    dpan_sealed: bytes
    dpan_last4: str
    expiry_yymm: str
    psn: str
    product: str
    key_index: int
    instance_aid: bytes
    fpan_sealed: bytes
    par: str


@dataclass(frozen=True, slots=True)
class CountersRow:
    """What changes about a token from tap to tap."""

    state: str
    suspended_by: str
    atc_high: int
    atc_window: bytes
    expiry_sealed: bytes


@dataclass(frozen=True, slots=True)
class AuthorizationRow:
    """What an ATC was burned for; without response code the issuer has not answered yet."""

    trace: str
    cryptogram: bytes
    result: str
    response_code: str | None
    auth_code: str | None
    issuer_data: bytes | None


def owners_to_text(owners: Iterable[Suspender]) -> str:
    """Write a set of suspenders as sorted names."""
    return " ".join(sorted(owner.value for owner in owners))


def owners_from_text(text: str) -> frozenset[Suspender]:
    """Read what `owners_to_text` wrote."""
    return frozenset(Suspender(name) for name in text.split())


def methods_to_text(methods: Iterable[VerificationMethod]) -> str:
    """Write verification methods as JSON."""
    return json.dumps([[method.id, method.kind, method.hint] for method in methods])


def methods_from_text(text: str) -> list[VerificationMethod]:
    """Read what `methods_to_text` wrote."""
    return [VerificationMethod(*entry) for entry in json.loads(text)]
