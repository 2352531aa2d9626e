"""A token service in memory with all that stands around it: secure elements, issuer, switch."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from support.fake_se import FakeSe
from wristlet.crypto import ec, jwe, x509chain
from wristlet.crypto.seal import KeyStore, SealKey
from wristlet.crypto.x509chain import Issuer, Subject, Use, Validity
from wristlet.env.base import ensure_dir
from wristlet.env.database import Database
from wristlet.env.sim import SimEnv
from wristlet.links.http import RemoteUnavailable
from wristlet.links.iso8583_peer import HostUnavailable, LoopbackClient
from wristlet.model.issuer_messages import (
    CodeSent,
    CodeVerified,
    IdvDecision,
    IdvRequest,
    IssuerKey,
    ProveHolder,
    SendCode,
    VerifyCode,
)
from wristlet.model.testcards import OTP_EXPIRED, OTP_RIGHT, Outcome, TestCard, outcome_of
from wristlet.model.tsp_messages import (
    DigitizeAnswer,
    DigitizeRequest,
    EligibilityAnswer,
    EligibilityRequest,
    FetchOrders,
    LifecycleAnswer,
    LifecycleRequest,
    OrdersFetched,
    PinStatementCounted,
    ReceiptAccepted,
    SubmitPinStatement,
    SubmitReceipt,
    TokenChange,
    VerificationMethod,
)
from wristlet.tsp.authorize import Authorizer
from wristlet.tsp.config import Caller, Role, TspConfig
from wristlet.tsp.repository import MIGRATIONS
from wristlet.tsp.service import TokenService
from wristlet.tsp.setup import TspIdentity, TspKeys, create_keys
from wristlet.wire.iso8583.message import Message, reply

REQUESTOR = Caller.of("40010000001", "tsp_test_requestor")
OTHER_REQUESTOR = Caller.of("40010000002", "tsp_test_other")
ISSUER = Caller.of("issuer", "tsp_test_issuer", Role.ISSUER)
MODEL = "wristlet-se-1"
SMS = VerificationMethod("sms", "text_to_cardholder_number", "ends in 17")
HOP_KEY = bytes(16)
YEAR_MS = 365 * 24 * 3_600_000


class FakeIssuer:
    """Stands in for the issuer's client: decides by the card's number, knows one code."""

    def __init__(self) -> None:
        self.key_pair = ec.private_key(bytes(31) + b"\x21")
        self.decision: str | None = None
        self.methods = [SMS]
        self.asked = 0
        self.down = False
        self.tries_left = 3
        self.proofs: list[str] = []
        self.holder_vote = "yellow"

    async def key(self) -> IssuerKey:
        self._up()
        return IssuerKey("issuer-1", ec.point_of(self.key_pair).hex())

    async def decide(self, request: IdvRequest) -> IdvDecision:
        self._up()
        self.asked += 1
        card = json.loads(jwe.decrypt(request.card_jwe, self.key_pair))
        outcome = outcome_of(card["pan"])
        vote, reason = _VOTES.get(outcome or Outcome.GREEN, ("green", "known cardholder"))
        vote = self.decision or vote
        methods = self.methods if vote == "yellow" else []
        return IdvDecision(f"idv_{self.asked}", vote, reason, "Aoba Bank", methods)

    async def prove_holder(self, request: ProveHolder) -> IdvDecision:
        self._up()
        self.asked += 1
        self.proofs.append(request.purpose)
        card = json.loads(jwe.decrypt(request.card_jwe, self.key_pair))
        assert set(card) == {"pan", "expiry_yymm"}
        vote = "red" if outcome_of(card["pan"]) is Outcome.LOST else self.holder_vote
        return IdvDecision(f"idv_{self.asked}", vote, "identity to be confirmed", "", self.methods)

    async def send_code(self, request: SendCode) -> CodeSent:
        self._up()
        return CodeSent(request.idv_id, 0)

    async def verify_code(self, request: VerifyCode) -> CodeVerified:
        self._up()
        code = json.loads(jwe.decrypt(request.code_jwe, self.key_pair))["code"]
        self.tries_left -= 1
        if code == OTP_RIGHT:
            return CodeVerified("success", self.tries_left)
        result = "expired_code" if code == OTP_EXPIRED else "incorrect_code"
        return CodeVerified(result, self.tries_left)

    def _up(self) -> None:
        if self.down:
            raise RemoteUnavailable("the issuer is down")


_VOTES = {
    Outcome.YELLOW_SMS: ("yellow", "identity to be confirmed"),
    Outcome.RED_ISSUER: ("red", "not allowed in a wallet"),
    Outcome.CVC_MISMATCH: ("red", "security code does not match"),
    Outcome.EXPIRY_MISMATCH: ("red", "expiry date does not match"),
}


class FakeSwitch:
    """The switch and the issuer's host behind it: approves, and remembers what it was sent."""

    def __init__(self) -> None:
        self.seen: list[Message] = []
        self.code = "00"
        self.down = False

    async def handle(self, message: Message) -> Message:
        self.seen.append(message)
        if self.down:
            raise HostUnavailable("down")
        fields: dict[int, str | bytes] = {39: self.code}
        if self.code == "00" and message.mti == "0100":
            fields[38] = "A1B2C3"
        return reply(message, fields)


class Maker:
    """Certifies secure elements."""

    def __init__(self, now_ms: int, keys: bytes = b"\x31\x32\x33") -> None:
        self.validity = Validity(now_ms - YEAR_MS, now_ms + 10 * YEAR_MS)
        root_key, batch_key, self.casd_key = (
            ec.private_key(bytes(31) + bytes((number,))) for number in keys
        )
        self.root = Issuer.root(root_key, "test maker root", self.validity, 1)
        self.batch = self.root.authority(batch_key, Subject("test batch"), self.validity, 2)

    def make(
        self, identity: TspIdentity, number: int = 1, model: str = MODEL, keys: int = 0
    ) -> FakeSe:
        """A certified secure element with a PIN; `keys` chooses another pair of keys."""
        se_id = number.to_bytes(16, "big")
        casd = self.batch.authority(
            self.casd_key, Subject.casd(se_id, model), self.validity, 100 + 1_000 * keys + number
        )
        element = FakeSe(se_id, identity.ca_kloc_id, identity.ca_kloc_point, keys)
        above = (self.batch.certificate, casd.certificate)
        element.attestation_chain = (
            *above,
            casd.leaf(
                Subject.attestation(se_id, model),
                ec.point_of(element.attestation_key),
                Use.SIGN,
                self.validity,
                200 + number,
            ),
        )
        element.domain_chain = (
            *above,
            casd.leaf(
                Subject.domain(se_id, model, element.domain_aid),
                ec.point_of(element.domain_key),
                Use.AGREE,
                self.validity,
                300 + number,
            ),
        )
        return element


@dataclass
class City:
    """The token service and its neighbours, with the steps that most tests need."""

    env: SimEnv
    database: Database
    service: TokenService
    identity: TspIdentity
    issuer: FakeIssuer
    switch: FakeSwitch
    maker: Maker
    authorizer: Authorizer
    counter: int = 0
    elements: list[FakeSe] = field(default_factory=list)

    def next_id(self, prefix: str = "task") -> str:
        self.counter += 1
        return f"{prefix}_{self.counter}"

    async def element(self, number: int | None = None) -> FakeSe:
        """A registered secure element."""
        element = self.maker.make(self.identity, number or len(self.elements) + 1)
        self.elements.append(element)
        await self.service.register_device(element.registration())
        return element

    def card_jwe(self, card: TestCard | dict[str, str]) -> str:
        """A card's data for the token service, as a phone encrypts it."""
        fields = card if isinstance(card, dict) else card_fields(card)
        return self.encrypt(fields)

    def encrypt(self, fields: dict[str, Any]) -> str:
        key = self.service.card_key()
        leaf = base64.b64decode(key.x5c[0])
        root = self.identity.card_data_root_der
        verified = x509chain.verify_chain(root, [leaf], Use.AGREE, self.env.clock.now_ms())
        return jwe.encrypt(json.dumps(fields).encode(), ec.public_key(verified.point), key.kid)

    async def offer(self, element: FakeSe, card: TestCard) -> EligibilityAnswer:
        request = EligibilityRequest(self.next_id(), element.se_id.hex(), self.card_jwe(card))
        return await self.service.check_eligibility(REQUESTOR, request)

    def acceptance(self, element: FakeSe, offer: EligibilityAnswer) -> DigitizeRequest:
        statement = element.pin_statement(bytes.fromhex(offer.challenge))
        return DigitizeRequest(
            self.next_id(), offer.eligibility_id, offer.terms.id, 1, statement.hex()
        )

    async def digitize(self, element: FakeSe, card: TestCard) -> DigitizeAnswer:
        offer = await self.offer(element, card)
        return await self.service.digitize(REQUESTOR, self.acceptance(element, offer))

    async def receipt(self, element: FakeSe, apdus: list[str]) -> ReceiptAccepted:
        """Run a script on the element and hand in its receipt."""
        receipt = element.run(apdus)
        return await self.service.submit_receipt(REQUESTOR, SubmitReceipt(receipt.hex()))

    async def active_token(self, element: FakeSe, card: TestCard) -> str:
        """A token that pays; its reference."""
        answer = await self.digitize(element, card)
        assert answer.token is not None
        assert answer.script is not None
        accepted = await self.receipt(element, answer.script.apdus)
        assert accepted.token is not None
        assert accepted.token.state == "active"
        return accepted.token.token_reference

    async def fetch(self, element: FakeSe, caller: Caller = REQUESTOR) -> OrdersFetched:
        """What the element should hear of and nobody was handed yet."""
        request = FetchOrders(self.next_id())
        return await self.service.fetch_orders(caller, element.se_id.hex(), request)

    async def run_all(self, element: FakeSe, changes: list[TokenChange]) -> None:
        """Run scripts in the order of their numbers, and those that their receipts bring."""
        waiting = [change.script for change in changes if change.script is not None]
        while waiting:
            waiting.sort(key=lambda script: script.number)
            accepted = await self.receipt(element, waiting.pop(0).apdus)
            waiting += [one.script for one in accepted.follow_up if one.script is not None]
            waiting += accepted.scripts

    async def tell_pin(self, element: FakeSe, caller: Caller = REQUESTOR) -> PinStatementCounted:
        """Hand in the element's word about its PIN."""
        statement = element.pin_statement(bytes(16)).hex()
        return await self.service.submit_pin_statement(caller, SubmitPinStatement(statement))

    async def change(
        self, reference: str, verb: str, by: str = "cardholder", caller: Caller = REQUESTOR
    ) -> LifecycleAnswer:
        request = LifecycleRequest(self.next_id(), by, "test")
        return await self.service.change_token(caller, reference, verb, request)


def card_fields(card: TestCard) -> dict[str, str]:
    return {
        "pan": card.number.reveal(),
        "expiry_yymm": card.expiry_yymm,
        "security_code": card.security_code.reveal(),
    }


@asynccontextmanager
async def tsp_city(
    directory: Path, *, seed: int = 0, inline: bool = True, **policy: Any
) -> AsyncIterator[City]:
    """Open a token service on a fresh database; `policy` changes the configuration."""
    env = SimEnv(seed)
    ensure_dir(env.disk, "/tsp")
    store = KeyStore.create(env.disk, "/tsp/keys", SealKey(bytes(32)), b"tsp", env.random.bytes)
    identity = create_keys(env, store)
    maker = Maker(env.clock.now_ms())
    config = replace(
        TspConfig((maker.root.certificate,), (REQUESTOR, OTHER_REQUESTOR, ISSUER)), **policy
    )
    database = Database(directory / "tsp.db", MIGRATIONS, durability="none", inline=inline)
    await database.open()
    issuer, switch = FakeIssuer(), FakeSwitch()
    service = TokenService(env, database, TspKeys.load(store), config, issuer)  # type: ignore[arg-type] # a double with the same methods
    authorizer = service.authorizer(LoopbackClient(switch.handle, HOP_KEY))
    try:
        yield City(env, database, service, identity, issuer, switch, maker, authorizer)
    finally:
        await database.close()
