"""XMP packets, edited where they lie: what cleanplate does not know stays as it was written.

Source: ISO 16684-1 (XMP), Adobe XMP specification part 2 (`xmpMM:History`, `stEvt`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_MM = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_LARGEST_EDITED = 4 * 1024 * 1024
_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|\s*>\s*))([2-8])(?=\s*["'<])""")


class _NotSafe(Exception):
    """The packet is not plain, well-formed XMP in UTF-8."""


def upright_xmp(packet: bytes) -> bytes:
    """The packet with its copy of the orientation set to upright."""
    return _ORIENTATION.sub(rb"\g<1>1", packet)


def with_history(packet: bytes | None, agent: str, when: datetime | None = None) -> bytes:
    """Add an entry to the history of edits.

    Args:
        packet: the packet so far, or None for a new one.
        agent: the software that edited, such as `"cleanplate 0.1.0"`.
        when: the moment of the edit; now by default.

    Returns:
        The packet with one more `xmpMM:History` entry, all else byte for byte as before; the very packet
        when it is not well-formed, declares entities, or is not UTF-8, because then nothing can be added
        without risking what is there.
    """
    moment = (when or datetime.now(UTC)).isoformat(timespec="seconds")
    entry = (
        f'<rdf:li xmlns:rdf="{_RDF}" xmlns:stEvt="{_EVENT}" rdf:parseType="Resource">'
        f"<stEvt:action>edited</stEvt:action><stEvt:when>{escape(moment)}</stEvt:when>"
        f"<stEvt:softwareAgent>{escape(agent)}</stEvt:softwareAgent><stEvt:changed>/</stEvt:changed></rdf:li>"
    )
    history = (
        f'<rdf:Description xmlns:rdf="{_RDF}" rdf:about="" xmlns:xmpMM="{_MM}"><xmpMM:History><rdf:Seq>'
        f"{entry}</rdf:Seq></xmpMM:History></rdf:Description>"
    )
    if packet is None:
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
            f"{history}</rdf:RDF></x:xmpmeta>\n"
            '<?xpacket end="w"?>'
        ).encode()
    try:
        places = _Places(packet)
        if places.end_of_history is not None:
            edited = _insert(packet, places.end_of_history, entry)
        elif places.end_of_rdf is not None and not places.has_history:
            edited = _insert(packet, places.end_of_rdf, history)
        else:
            return packet
        _Places(edited)
    except (_NotSafe, expat.ExpatError):
        return packet
    return edited


def without_padding(packet: bytes) -> bytes:
    """The packet without the white space that is left at its end for editing in place."""
    body, end, rest = packet.rpartition(b"<?xpacket end=")
    return body.rstrip() + b"\n" + end + rest.rstrip() if end else packet.rstrip()


def _insert(packet: bytes, at: int, text: str) -> bytes:
    return packet[:at] + text.encode() + packet[at:]


class _Places:
    """Byte offsets in a packet at which something can be added.

    Attributes:
        end_of_history: of the end tag of the first history's list, or None.
        end_of_rdf: of the end tag of the first `rdf:RDF`, or None.
        has_history: whether there is a history in any form.
    """

    def __init__(self, packet: bytes) -> None:
        if len(packet) > _LARGEST_EDITED or b"\0" in packet:
            raise _NotSafe
        self.end_of_history: int | None = None
        self.end_of_rdf: int | None = None
        self.has_history = False
        self._path: list[str] = []
        self._packet = packet
        parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        self._parser = parser
        parser.Parse(packet.rstrip(b" \t\r\n"), True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if name == f"{_MM} History" or f"{_MM} History" in attributes:
            self.has_history = True

    def _end(self, name: str) -> None:
        at = self._parser.CurrentByteIndex
        written_out = self._packet.startswith(b"</", at)  # an empty element has no inside to add to
        if written_out and name == f"{_RDF} Seq" and self._path[-2:-1] == [f"{_MM} History"]:
            self.end_of_history = at if self.end_of_history is None else self.end_of_history
        if written_out and name == f"{_RDF} RDF" and self.end_of_rdf is None:
            self.end_of_rdf = at
        self._path.pop()

    def _refuse(self, *_: Any) -> None:
        raise _NotSafe
