"""Data fields of INSTALL, both ways.

Source: GPCS 2.3.1, INSTALL command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from wristlet.wire import ber
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.gp import aids
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.gp.privileges import Privileges

TAG_PARAMETERS: Final = 0xC9
"""Parameters for the application itself; the card does not look inside."""
TAG_INITIAL_STATE: Final = 0xDF60
"""Inside C9 of a payment instance: the contactless state it starts in."""


@dataclass(frozen=True, slots=True)
class InstallForLoad:
    """Announces a load file: AID, domain (empty = the one selected), hash, parameters, token."""

    load_file_aid: bytes
    domain_aid: bytes = b""
    load_hash: bytes = b""
    parameters: bytes = b""
    token: bytes = b""

    def encode(self) -> bytes:
        """Return the data field."""
        aids.check(self.load_file_aid)
        if self.domain_aid:
            aids.check(self.domain_aid)
        return _join(
            (self.load_file_aid, self.domain_aid, self.load_hash, self.parameters, self.token)
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the data field."""
        names = ("load_file_aid", "domain_aid", "load_hash", "parameters", "token")
        load_file, domain, load_hash, parameters, token = _split(data, names)
        _check_aid(load_file, "load_file_aid")
        if domain:
            _check_aid(domain, "domain_aid")
        return cls(load_file, domain, load_hash, parameters, token)


@dataclass(frozen=True, slots=True)
class InstallForInstall:
    """Makes an instance of a module; `parameters` holds C9 and system parameters as TLV."""

    package_aid: bytes
    module_aid: bytes
    instance_aid: bytes
    privileges: Privileges = Privileges.NONE
    parameters: bytes = b"\xc9\x00"
    token: bytes = b""

    def encode(self) -> bytes:
        """Return the data field."""
        for aid in (self.package_aid, self.module_aid, self.instance_aid):
            aids.check(aid)
        return _join(
            (
                self.package_aid,
                self.module_aid,
                self.instance_aid,
                self.privileges.encode(),
                self.parameters,
                self.token,
            )
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the data field."""
        names = ("package_aid", "module_aid", "instance_aid", "privileges", "parameters", "token")
        package, module, instance, privileges, parameters, token = _split(data, names)
        for aid, name in zip((package, module, instance), names, strict=False):
            _check_aid(aid, name)
        return cls(package, module, instance, Privileges.decode(privileges), parameters, token)


@dataclass(frozen=True, slots=True)
class InstallForPersonalization:
    """Names the application that the following STORE DATA commands are for."""

    application_aid: bytes

    def encode(self) -> bytes:
        """Return the data field."""
        return _join((b"", b"", aids.check(self.application_aid), b"", b"", b""))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the data field."""
        names = ("first", "second", "application_aid", "fourth", "fifth", "token")
        first, second, application, fourth, fifth, token = _split(data, names)
        if first or second or fourth or fifth or token:
            raise DecodeError("only the application AID may be present", path=("install",))
        _check_aid(application, "application_aid")
        return cls(application)


def instance_parameters(state: ContactlessState) -> bytes:
    """Return install parameters of a payment instance that starts in `state`."""
    return ber.encode(TAG_PARAMETERS, ber.encode(TAG_INITIAL_STATE, bytes((state,))))


def initial_state(parameters: bytes) -> ContactlessState:
    """Read the initial contactless state from install parameters; DEACTIVATED if not given."""
    own = ber.find(parameters, TAG_PARAMETERS)
    raw = ber.find(own, TAG_INITIAL_STATE) if own else None
    if raw is None:
        return ContactlessState.DEACTIVATED
    if len(raw) != 1 or raw[0] == ContactlessState.ACTIVATED:
        raise DecodeError("an instance starts as 00 or 80", path=("C9", "DF60"))
    try:
        return ContactlessState(raw[0])
    except ValueError:
        raise DecodeError("an instance starts as 00 or 80", path=("C9", "DF60")) from None


def _join(fields: Sequence[bytes]) -> bytes:
    return b"".join(ber.encode_length(len(field)) + field for field in fields)


def _split(data: bytes, names: Sequence[str]) -> list[bytes]:
    """Read one length and value for every name, and nothing more."""
    fields: list[bytes] = []
    position = 0
    for name in names:
        try:
            value, position = ber.read_value(data, position)
        except DecodeError as error:
            raise DecodeError(error.message, offset=error.offset, path=("install", name)) from None
        fields.append(value)
    if position != len(data):
        raise DecodeError("bytes follow the last field", offset=position, path=("install",))
    return fields


def _check_aid(value: bytes, name: str) -> None:
    try:
        aids.check(value)
    except EncodeError as error:
        raise DecodeError(error.message, path=("install", name)) from None
