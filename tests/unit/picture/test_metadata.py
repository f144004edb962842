from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from cleanplate.picture import PictureCannotBeWritten, decode, encode, from_array
from cleanplate.picture import exif as exif_block
from cleanplate.picture.xmp import upright_xmp, with_history

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    b' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    b' tiff:Orientation="6"><dc:creator><rdf:Seq><rdf:li>A. Photographer</rdf:li></rdf:Seq></dc:creator>'
    b'</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
EVENT = "{http://ns.adobe.com/xap/1.0/sType/ResourceEvent#}"
AGENT = "cleanplate 0.1.0"
MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def camera_exif(order: str = ">", orientation: int = 6) -> bytes:
    """Make, orientation, an EXIF directory with maker notes that point into the block, and a thumbnail."""
    sign = ">" if order == ">" else "<"
    maker_note = b"MAKER" + bytes(range(40))
    make_at, sub_at = 8 + 2 + 3 * 12 + 4, 8 + 2 + 3 * 12 + 4 + 6
    note_at = sub_at + 2 + 12 + 4
    second_at = note_at + len(maker_note) + 1
    thumbnail = b"\xff\xd8 the old picture \xff\xd9"
    thumbnail_at = second_at + 2 + 24 + 4
    block = (b"MM" if sign == ">" else b"II") + struct.pack(sign + "HI", 42, 8)
    block += struct.pack(sign + "H", 3)
    block += struct.pack(sign + "HHII", 0x010F, 2, 6, make_at)
    block += struct.pack(sign + "HHIHH", 0x0112, 3, 1, orientation, 0)
    block += (
        struct.pack(sign + "HHII", 0x8769, 4, 1, sub_at) + struct.pack(sign + "I", second_at) + b"Maker\0"
    )
    block += (
        struct.pack(sign + "HHHII", 1, 0x927C, 7, len(maker_note), note_at) + bytes(4) + maker_note + b"\0"
    )
    block += struct.pack(sign + "HHHII", 2, 0x0201, 4, 1, thumbnail_at)
    block += struct.pack(sign + "HHII", 0x0202, 4, 1, len(thumbnail)) + bytes(4) + thumbnail
    return block


def edited(data: bytes) -> bytes:
    """What comes back for a picture that was changed throughout."""
    picture = decode(data)
    return encode(replace(picture.with_pixels(255 - picture.pixels), before=None), history=AGENT)


@pytest.mark.parametrize("order", ["<", ">"])
def test_only_the_orientation_of_an_exif_block_changes(order):
    block = camera_exif(order)
    changed = exif_block.upright(block)
    assert exif_block.orientation(block) == 6
    assert exif_block.orientation(changed) == 1
    assert sum(one != other for one, other in zip(block, changed, strict=True)) == 1
    assert b"MAKER" + bytes(range(40)) in changed


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_thumbnail_of_the_old_picture_is_unlinked(order):
    changed = exif_block.without_thumbnail(camera_exif(order))
    parsed = Image.Exif()
    parsed.load(changed)
    assert parsed.get_ifd(1) == {}
    assert parsed.get_ifd(0x8769)[0x927C] == b"MAKER" + bytes(range(40))


@given(st.binary(max_size=200), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_any_bytes_at_all_may_stand_in_an_exif_block(junk, start):
    block = start + junk
    assert 1 <= exif_block.orientation(block) <= 8
    for change in (exif_block.upright, exif_block.without_thumbnail):
        assert len(change(block)) == len(block)
    exif_block.is_sound(block)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "JPEG2000"])
def test_profile_exif_and_xmp_survive_an_edit(name, saved, photo):
    picture = replace(from_array(photo()), icc=SRGB, exif=camera_exif(orientation=1), xmp=XMP)
    data = edited(encode(picture, name))
    again = decode(data)
    assert again.icc == SRGB
    assert again.exif is not None
    assert b"Maker\0" in again.exif
    assert b"MAKER" + bytes(range(40)) in again.exif
    assert again.xmp is not None
    assert b"A. Photographer" in again.xmp
    assert AGENT.encode() in again.xmp
    # other programs see them, too
    seen = Image.open(BytesIO(data))
    seen.load()
    if name != "JPEG2000":
        assert seen.info["icc_profile"] == SRGB
        assert seen.getexif()[0x010F] == "Maker"
        assert AGENT in str(seen.info.get("xmp") or seen.info["XML:com.adobe.xmp"])
    if name not in ("JPEG2000", "TIFF"):
        assert seen.getexif().get_ifd(1) == {}


@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF", "BMP"])
def test_the_resolution_survives_an_edit(name, saved, photo):
    data = edited(saved(photo(), name, dpi=(300, 150)))
    seen = Image.open(BytesIO(data)).info["dpi"]
    assert [round(float(value)) for value in seen] == [300, 150]


def _with_pixels_a_metre(png: bytes, number: int) -> bytes:
    chunk = b"pHYs" + struct.pack(">IIB", number, number, 1)
    return png[:33] + struct.pack(">I", 9) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]


@pytest.mark.parametrize("target", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("channels", [3, 4])
def test_no_resolution_keeps_a_picture_from_being_written(target, channels, saved, photo):
    """What no device has is left out; 39,370,077 pixels a metre are just under a million an inch."""
    bare = saved(photo(channels=channels), "PNG")
    for number, kept in ((0, False), (2**32 - 1, False), (39_370_077, True), (11_811, True)):
        picture = decode(_with_pixels_a_metre(bare, number))
        assert (picture.dpi is not None) == kept
        again = decode(encode(picture.with_pixels(255 - picture.pixels), target))
        assert np.array_equal(again.pixels, 255 - picture.pixels)
        if kept:
            assert again.dpi == pytest.approx((number * 0.0254,) * 2, rel=1e-4)


def test_the_resolution_of_a_tiff_may_be_beyond_what_a_bmp_holds(saved, photo):
    picture = decode(saved(photo(), "TIFF", dpi=(4e9, 4e9)))
    assert np.array_equal(decode(encode(picture.with_pixels(photo()[::-1]), "BMP")).pixels, photo()[::-1])


@pytest.mark.parametrize("name", ["TIFF", "BMP"])
def test_a_resolution_set_by_hand_that_does_not_fit_is_an_error_with_a_name(name, photo):
    with pytest.raises(PictureCannotBeWritten):
        encode(replace(from_array(photo()), dpi=(1e300, 1e300)), name)


def test_the_resolution_turns_with_the_picture(saved, photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(saved(photo(), "JPEG", dpi=(300, 150), exif=exif))
    assert picture.dpi == (150, 300)


def test_a_long_profile_is_split_and_joined(saved, photo):
    icc = SRGB + np.random.default_rng(1).bytes(200_000)
    data = saved(photo(), "JPEG", icc_profile=icc)
    assert decode(data).icc == icc
    assert decode(edited(data)).icc == icc
    assert Image.open(BytesIO(edited(data))).info["icc_profile"] == icc


def test_signed_provenance_and_comments_stay_in_a_jpeg(saved, photo):
    manifest = b"JP\0\x01\0\0\0\x01" + b"jumb c2pa manifest" * 30
    data = saved(photo(), "JPEG", comment=b"keep me")
    data = data[:2] + b"\xff\xeb" + struct.pack(">H", len(manifest) + 2) + manifest + data[2:]
    picture = decode(data)
    pixels = picture.pixels.copy()
    pixels[:8] = 0
    for change in (edited(data), encode(picture.with_pixels(pixels), history=AGENT)):
        assert manifest in change
        assert Image.open(BytesIO(change)).info["comment"] == b"keep me"


def test_unknown_chunks_stay_in_png_and_webp(saved, photo):
    import zlib

    def chunk(kind: bytes, payload: bytes) -> bytes:
        return (
            struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
        )

    png = saved(photo(), "PNG", dpi=(96, 96))
    png = png[:33] + chunk(b"caBX", b"c2pa manifest") + chunk(b"tEXt", b"Author\0A. Photographer") + png[33:]
    again = edited(png)
    assert chunk(b"caBX", b"c2pa manifest") in again
    assert Image.open(BytesIO(again)).text["Author"] == "A. Photographer"
    assert Image.open(BytesIO(again)).size == (64, 48)

    webp = saved(photo(), "WEBP", xmp=XMP, lossless=True)
    piece = b"C2PA" + struct.pack("<I", 13) + b"c2pa manifest" + b"\0"
    webp = webp[:4] + struct.pack("<I", len(webp) - 8 + len(piece)) + webp[8:] + piece
    again = edited(webp)
    assert piece in again
    assert struct.unpack_from("<I", again, 4)[0] == len(again) - 8
    assert np.array_equal(np.asarray(Image.open(BytesIO(again))), 255 - photo())


def test_a_png_without_profile_keeps_its_gamma_and_one_with_a_profile_has_only_that(saved, photo):
    import zlib

    chunk = b"gAMA" + struct.pack(">I", 45_455)
    framed = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    plain, profiled = saved(photo(), "PNG"), saved(photo(), "PNG", icc_profile=SRGB)
    assert framed in edited(plain[:33] + framed + plain[33:])
    assert b"iCCP" in edited(profiled)


def test_the_words_of_a_tiff_survive_an_edit(saved, photo):
    data = saved(photo(), "TIFF", description="On the quay", software="Developer 3", artist="A. Photographer")
    seen = Image.open(BytesIO(edited(data))).tag_v2
    assert (seen[270], seen[305], seen[315]) == ("On the quay", "Developer 3", "A. Photographer")


def test_blocks_too_long_for_a_jpeg_are_left_out_and_the_picture_still_opens(photo):
    picture = replace(from_array(photo()), exif=camera_exif() + bytes(70_000), xmp=XMP + b" " * 70_000)
    seen = Image.open(BytesIO(encode(picture, "JPEG")))
    seen.load()
    assert "exif" not in seen.info


def test_white_space_at_the_end_of_a_packet_makes_room_for_the_entry(photo):
    padded = XMP.replace(b"<?xpacket end", b" " * (65_400 - len(XMP)) + b"<?xpacket end")
    picture = replace(from_array(photo()), xmp=padded)
    again = decode(encode(picture, "JPEG", history=AGENT))
    assert again.xmp is not None
    assert AGENT.encode() in again.xmp
    assert b"A. Photographer" in again.xmp


def test_the_copy_of_the_orientation_in_xmp_turns_upright_with_the_picture(saved, photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(saved(photo(), "JPEG", exif=exif, xmp=XMP))
    assert picture.xmp is not None
    assert b'tiff:Orientation="1"' in picture.xmp
    assert (
        upright_xmp(b"<tiff:Orientation> 8 </tiff:Orientation>")
        == b"<tiff:Orientation> 1 </tiff:Orientation>"
    )


def history_of(packet: bytes) -> list[dict[str, str]]:
    root = ET.fromstring(packet.rstrip())
    path = ".//{http://ns.adobe.com/xap/1.0/mm/}History/" + RDF + "Seq/" + RDF + "li"
    return [
        {child.tag: child.text or "" for child in entry} | dict(entry.attrib) for entry in root.iterfind(path)
    ]


def test_a_picture_without_xmp_gets_a_packet_with_one_entry():
    (entry,) = history_of(with_history(None, "cleanplate <0.1> & more", MOMENT))
    assert entry[f"{EVENT}action"] == "edited"
    assert entry[f"{EVENT}softwareAgent"] == "cleanplate <0.1> & more"
    assert entry[f"{EVENT}when"] == "2026-11-21T12:00:00+00:00"


def test_the_history_grows_by_one_entry_an_edit_and_nothing_else_changes():
    once = with_history(XMP, AGENT, MOMENT)
    twice = with_history(once, "another 2", MOMENT)
    assert [entry[f"{EVENT}softwareAgent"] for entry in history_of(twice)] == [AGENT, "another 2"]
    start = next(at for at, (one, other) in enumerate(zip(XMP, twice, strict=False)) if one != other)
    rest = len(XMP) - start
    assert twice[-rest:] == XMP[start:]


def test_an_existing_history_in_attributes_and_other_prefixes_is_continued():
    packet = (
        b'<m:xmpmeta xmlns:m="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<r:Description r:about="" xmlns:h="http://ns.adobe.com/xap/1.0/mm/"'
        b' xmlns:e="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"><h:History><r:Seq>'
        b'<r:li e:action="saved" e:softwareAgent="Old Editor"/></r:Seq></h:History></r:Description>'
        b"</r:RDF></m:xmpmeta>"
    )
    first, second = history_of(with_history(packet, AGENT, MOMENT))
    assert first[f"{EVENT}softwareAgent"] == "Old Editor"
    assert second[f"{EVENT}softwareAgent"] == AGENT


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"not xml at all",
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF>",
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        XMP.decode().encode("utf-16"),
        XMP.replace(b"A. Photographer", b"\xff\xfe"),
        XMP.replace(b"<x:xmpmeta", b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x:xmpmeta"),
        XMP.replace(b"</rdf:RDF>", b"<h:History xmlns:h='http://ns.adobe.com/xap/1.0/mm/'/></rdf:RDF>"),
    ],
)
def test_a_packet_that_cannot_be_edited_safely_stays_as_it_is(packet, photo):
    assert with_history(packet, AGENT) == packet
    picture = replace(from_array(photo()), xmp=packet or None)
    assert (decode(encode(picture, "PNG", history=None)).xmp or b"") == packet


@given(st.binary(max_size=300), st.integers(0, len(XMP)))
def test_a_damaged_packet_never_stops_an_edit(junk, at):
    packet = XMP[:at] + junk + XMP[at + len(junk) :]
    changed = with_history(packet, AGENT)
    assert changed == packet or history_of(changed)[-1][f"{EVENT}softwareAgent"] == AGENT
