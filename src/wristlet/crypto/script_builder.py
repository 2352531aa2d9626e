"""Writes SCP11c scripts: plain commands in, opaque APDUs for one domain of one secure element out.

Pure: keys and the ephemeral scalar come from the caller. The wire format is in
`wristlet.wire.script`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wristlet.crypto import ec, scp11
from wristlet.crypto.sd_dek import encrypt_dgi
from wristlet.wire import script
from wristlet.wire.dgi import Dgi
from wristlet.wire.gp import commands
from wristlet.wire.script import Script

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wristlet.crypto.channel import HostChannel
    from wristlet.wire.apdu import Command

KEY_VERSION: Final = 0x01
KID_CA_KLOC: Final = 0x10
SHORT_PLAIN_MAX: Final = 239
"""Padding to 16 bytes and 8 bytes of MAC keep at most so many within a short command."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """For whom a script is: SE (16 bytes), domain AID, the domain's certified point, number."""

    se_id: bytes
    domain_aid: bytes
    domain_point: bytes
    number: int


@dataclass(frozen=True, slots=True)
class BuiltScript:
    """A script and the hash of its plain commands that the receipt must show."""

    script: Script
    plain_hash: bytes


class ScriptBuilder:
    """Writes scripts with one key of an off-card entity and its 7F21 certificates, leaf last."""

    def __init__(self, identity: ec.PrivateKey, *certificates: bytes) -> None:
        self._identity = identity
        self._certificates = certificates

    def begin(self, addressee: Addressee, ephemeral: ec.PrivateKey) -> Draft:
        """Begin one script; `ephemeral` must be a fresh key."""
        request, channel = scp11.host_open_c(
            self._identity, ec.public_key(addressee.domain_point), ephemeral
        )
        last = len(self._certificates) - 1
        opening = [
            commands.select(addressee.domain_aid),
            *(
                commands.perform_security_operation(
                    certificate, kvn=KEY_VERSION, kid=KID_CA_KLOC, more=index < last
                )
                for index, certificate in enumerate(self._certificates)
            ),
            commands.mutual_authenticate(request, kvn=KEY_VERSION, kid=scp11.Variant.C),
        ]
        return Draft(addressee, opening, channel)


class Draft:
    """A script being written: header first, then what is added, the commit at `finish`."""

    def __init__(self, addressee: Addressee, opening: list[Command], channel: HostChannel) -> None:
        self._addressee = addressee
        self._apdus = opening
        self._channel = channel
        self._plain: list[Command] = []
        header = script.ScriptHeader(addressee.se_id, addressee.domain_aid, addressee.number)
        self.add_group(header.dgi())

    def add(self, command: Command) -> None:
        """Add one plain command; it becomes extended when protection makes it too long."""
        sized = command.replace(extended=len(command.data) > SHORT_PLAIN_MAX)
        self._plain.append(sized)
        self._apdus.append(self._channel.wrap(sized))

    def add_group(self, group: Dgi, *, secret: bool = False, answer: bool = False) -> None:
        """Add STORE DATA of one data grouping; a secret value is also encrypted under S-DEK."""
        value = encrypt_dgi(self._channel.dek, group.value) if secret else group.value
        self.add(
            commands.store_dgi(group.number, value, 0, last=True, encrypted=secret, answer=answer)
        )

    def personalize(
        self, instance_aid: bytes, groups: Iterable[Dgi], secret: frozenset[int]
    ) -> None:
        """Add INSTALL [for personalization] and the instance's data groupings."""
        self.add(commands.install_for_personalization(instance_aid))
        for group in groups:
            self.add_group(group, secret=group.number in secret)

    def finish(self) -> BuiltScript:
        """Add the commit and return the script; the session's keys are forgotten."""
        self.add_group(script.COMMIT, answer=True)
        self._channel.close()
        to = self._addressee
        apdus = tuple(apdu.encode() for apdu in self._apdus)
        return BuiltScript(
            Script(to.se_id, to.domain_aid, to.number, apdus),
            script.plain_hash([command.encode() for command in self._plain]),
        )
