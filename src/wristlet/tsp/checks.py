"""The check of a tap, pure: facts in, result class and new counters out.

Three steps. `read_tap` takes the message apart. `examine` compares it with the token's own record
and recomputes the cryptogram: what it needs never changes, so it runs before the transaction.
`judge` adds what changes (state, counters, lease, clock) inside the transaction. All findings are
collected, then the first by precedence is reported (`model.token.ResultClass`).

Key index and cryptogram version come from the token's own record, never from the message.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from wristlet.crypto import cryptogram
from wristlet.crypto.emv_keys import session_key_ac
from wristlet.crypto.errors import CryptogramError
from wristlet.crypto.retail import RetailKey
from wristlet.crypto.tdes import AnyKey
from wristlet.model.token import ResultClass, TokenState, reported
from wristlet.tsp.atc import AtcWindow, Use
from wristlet.wire import ber
from wristlet.wire.emv.iad import AcType, Iad18, Iad21, LeaseBlock
from wristlet.wire.errors import DecodeError
from wristlet.wire.iso8583.message import Message

Found: TypeAlias = set[ResultClass]

USED, UNUSED, NO_LEASE, NOTHING = "used", "valid", "none", ""
VERDICTS: Final = (USED, UNUSED, NO_LEASE, NOTHING)
"""What a secure element may say about the cardholder."""

ENTRY_CONTACTLESS_CHIP: Final = "07"
PURCHASE: Final = "00"
_NEEDED: Final = (2, 3, 4, 7, 11, 14, 22, 32, 37, 49)
_SIZES: Final = {
    0x9F26: 8,
    0x9F27: 1,
    0x9F36: 2,
    0x9F37: 4,
    0x9F02: 6,
    0x9F03: 6,
    0x9F1A: 2,
    0x5F2A: 2,
    0x82: 2,
    0x95: 5,
    0x9A: 3,
    0x9C: 1,
}
_TAGS: Final = (*_SIZES, 0x9F10, 0x84)
"""Tags that a tap must bring, with their sizes; 9F10 and 84 vary."""

_CID_TYPE: Final = 0xC0
_CID_ARQC: Final = 0x80
_CVM_METHOD: Final = 0x3F
_CVM_ON_DEVICE: Final = 0x01
_CVM_NONE: Final = (0x1F, 0x3F)
_TTQ_CVM_REQUIRED: Final = 0x40
"""Second byte of 9F66."""
_CTQ_CDCVM_DONE: Final = 0x80
"""Second byte of 9F6C."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Where and how a token may be used, from its own record."""

    cvn: int
    key_index: int
    instance_aid: bytes
    registered_aid: bytes
    psn: str
    expiry_yymm: str
    no_cvm_sum_max_minor: int


@dataclass(frozen=True, slots=True)
class Tap:
    """What a message says; `chip` is DE 55 by tag, None if there is none."""

    amount_minor: int
    currency: str
    processing: str
    entry_mode: str
    psn: str
    expiry_yymm: str
    local_mmdd: str | None
    chip: Mapping[int, bytes] | None


@dataclass(frozen=True, slots=True)
class Examined:
    """What holds whatever the token's state; `genuine`: the cryptogram is the token's.

    `session` is the key of this tap's counter, which also makes the card's answer.
    """

    found: frozenset[ResultClass]
    genuine: bool
    atc: int = 0
    cryptogram: bytes = b""
    lease: LeaseBlock | None = None
    session: RetailKey | None = field(default=None, repr=False)

    @property
    def verdict(self) -> str:
        """The secure element's word about the cardholder, one of `VERDICTS`."""
        if self.lease is None or not self.genuine:
            return NOTHING
        if self.lease.used:
            return USED
        return UNUSED if self.lease.valid else NO_LEASE


@dataclass(frozen=True, slots=True)
class Standing:
    """What changes about a token: state, counters, dates as YYMM, and what its ATC was used for.

    `earlier` is the cryptogram under which the ATC was burned before; `lease_opened_ms` is when the
    tap's lease began, None if this tap is the first sign of it.
    """

    state: TokenState
    window: AtcWindow
    card_expiry_yymm: str
    earlier: bytes | None
    lease_opened_ms: int | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The class to report, all that was found, and the counters afterwards."""

    result: ResultClass
    found: frozenset[ResultClass]
    window: AtcWindow


def read_tap(message: Message) -> Tap:
    """Take an 0100 apart; DecodeError when fields are missing or DE 55 is no TLV."""
    _, processing, amount, _, _, expiry, mode, _, _, currency = message.texts(*_NEEDED)
    chip = None
    if 55 in message.fields:
        chip = ber.collect(message.binary(55))
        _check_tags(chip)
    get = message.fields.get
    return Tap(
        amount_minor=int(amount),
        currency=currency,
        processing=processing[:2],
        entry_mode=mode[:2],
        psn=str(get(23, "")),
        expiry_yymm=expiry,
        local_mmdd=message.text(13) if 13 in message.fields else None,
        chip=chip,
    )


def _check_tags(chip: Mapping[int, bytes]) -> None:
    for tag in _TAGS:
        if tag not in chip:
            raise DecodeError("is missing", path=("field 55", f"{tag:02X}"))
    for tag, size in _SIZES.items():
        if len(chip[tag]) != size:
            raise DecodeError("has a wrong size", path=("field 55", f"{tag:02X}"))


def examine(tap: Tap, domain: Domain, master_key: AnyKey) -> Examined:
    """Compare a tap with the token's record and recompute its cryptogram."""
    found: Found = set()
    if not _in_domain(tap, domain):
        found.add(ResultClass.DOMAIN_VIOLATION)
    if tap.chip is None:
        return Examined(frozenset(found | {ResultClass.DOMAIN_VIOLATION}), genuine=False)
    atc = int.from_bytes(tap.chip[0x9F36], "big")
    session = RetailKey(session_key_ac(master_key, atc))
    genuine = _says_what_chip_says(tap, tap.chip) and _is_own(tap.chip, domain, session)
    if not genuine:
        found.add(ResultClass.INVALID_CRYPTOGRAM)
    lease = _examine_iad(tap, tap.chip, domain, found)
    return Examined(
        found=frozenset(found),
        genuine=genuine,
        atc=atc,
        cryptogram=tap.chip[0x9F26],
        lease=lease,
        session=session if genuine else None,
    )


def _in_domain(tap: Tap, domain: Domain) -> bool:
    """Contactless chip, purchase, own sequence number, date and application: nothing else."""
    aid = b"" if tap.chip is None else tap.chip[0x84]
    return (
        tap.entry_mode == ENTRY_CONTACTLESS_CHIP
        and tap.processing == PURCHASE
        and tap.psn in ("", domain.psn.zfill(3))
        and tap.expiry_yymm == domain.expiry_yymm
        and aid in (domain.instance_aid, domain.registered_aid)
    )


def _says_what_chip_says(tap: Tap, chip: Mapping[int, bytes]) -> bool:
    """Amount, currency, kind and day outside DE 55 must be those that the cryptogram covers."""
    return (
        f"{tap.amount_minor:012d}" == chip[0x9F02].hex()
        and tap.currency.zfill(4) == chip[0x5F2A].hex()
        and tap.processing == chip[0x9C].hex()
        and tap.local_mmdd in (None, chip[0x9A].hex()[2:])
    )


def _is_own(chip: Mapping[int, bytes], domain: Domain, session: RetailKey) -> bool:
    # Both versions make a retail MAC under the session key; they differ in what it covers.
    version = cryptogram.VERSIONS[domain.cvn]
    try:
        data = version.data(chip, chip[0x9F10])
    except CryptogramError:
        return False
    return hmac.compare_digest(session.mac(data), chip[0x9F26])


def _examine_iad(
    tap: Tap, chip: Mapping[int, bytes], domain: Domain, found: Found
) -> LeaseBlock | None:
    """Read what the secure element says of itself and of the cardholder."""
    iad = read_iad(domain.cvn, chip[0x9F10])
    if iad is None:
        found.add(ResultClass.CVN_OR_KEY_MISMATCH)
        return None
    key_index = iad.dki if isinstance(iad, Iad18) else iad.kdi
    if key_index != domain.key_index:
        found.add(ResultClass.CVN_OR_KEY_MISMATCH)
    if iad.ac_type is not AcType.ARQC or chip[0x9F27][0] & _CID_TYPE != _CID_ARQC:
        found.add(ResultClass.NOT_AN_ARQC)
    if iad.cdcvm_done != iad.lease.used or not _verdict_fits(chip, iad.lease):
        found.add(ResultClass.VERDICT_MISMATCH)
    if not iad.lease.used and _lease_needed(tap, chip, domain):
        found.add(ResultClass.LEASE_REQUIRED)
    return iad.lease


def read_iad(cvn: int, raw: bytes) -> Iad18 | Iad21 | None:
    """Read issuer application data as the token's own version; None if it is of another."""
    try:
        return Iad18.parse(raw) if cvn == cryptogram.Cvn18.NUMBER else Iad21.parse(raw)
    except DecodeError:
        return None


def _verdict_fits(chip: Mapping[int, bytes], lease: LeaseBlock) -> bool:
    """The terminal may claim a verification only if the secure element vouches for it.

    The other way round is no contradiction: a lease also covers taps that need no verification.
    Verification by anything else (PIN pad, signature) is not offered by this kind of card.
    """
    results = chip.get(0x9F34, b"")
    method = results[0] & _CVM_METHOD if results else _CVM_NONE[0]
    claimed = method == _CVM_ON_DEVICE or _bit(chip.get(0x9F6C, b""), 1, _CTQ_CDCVM_DONE)
    if method not in (_CVM_ON_DEVICE, *_CVM_NONE):
        return False
    return lease.used or not claimed


def _lease_needed(tap: Tap, chip: Mapping[int, bytes], domain: Domain) -> bool:
    asks = _bit(chip.get(0x9F66, b""), 1, _TTQ_CVM_REQUIRED)
    return asks or tap.amount_minor > domain.no_cvm_sum_max_minor


def _bit(value: bytes, index: int, mask: int) -> bool:
    return len(value) > index and bool(value[index] & mask)


def judge(
    examined: Examined,
    domain: Domain,
    standing: Standing,
    *,
    now_ms: int,
    now_yymm: str,
    lease_age_max_ms: int,
) -> Judgement:
    """Add state, dates, counters and lease; every genuine cryptogram burns its ATC."""
    found = set(examined.found)
    state = STATE_CLASSES.get(standing.state)
    if state is not None:
        found.add(state)
    if domain.expiry_yymm < now_yymm:
        found.add(ResultClass.TOKEN_EXPIRED)
    if standing.card_expiry_yymm < now_yymm:
        found.add(ResultClass.PAN_EXPIRED)
    window = standing.window
    if examined.genuine:
        use, window = standing.window.burn(examined.atc)
        counter = _atc_class(use, examined.cryptogram, standing.earlier)
        if counter is not None:
            found.add(counter)
        opened_ms = standing.lease_opened_ms
        used = examined.lease is not None and examined.lease.used
        if used and opened_ms is not None and now_ms - opened_ms > lease_age_max_ms:
            found.add(ResultClass.LEASE_EXPIRED)
    return Judgement(reported(found), frozenset(found), window)


STATE_CLASSES: Final = {
    TokenState.DELETED: ResultClass.TOKEN_DELETED,
    TokenState.DECLINED: ResultClass.TOKEN_DELETED,
    TokenState.REQUESTED: ResultClass.TOKEN_INACTIVE,
    TokenState.INACTIVE: ResultClass.TOKEN_INACTIVE,
    TokenState.SUSPENDED: ResultClass.TOKEN_SUSPENDED,
}
"""What a token's state alone says; an active one says nothing."""


def _atc_class(use: Use, own: bytes, earlier: bytes | None) -> ResultClass | None:
    """A used counter with the same cryptogram is a replay; with another one the element went back.

    One secure element never makes two cryptograms under one counter, so a second one comes from a
    copy or from restored state. A replay must not count as that: anybody can replay.
    """
    if use is Use.FRESH:
        return None
    if use is Use.FAR_AHEAD:
        return ResultClass.ATC_OUT_OF_RANGE
    if earlier is not None and hmac.compare_digest(own, earlier):
        return ResultClass.ATC_REPLAY
    return ResultClass.ATC_ROLLBACK
