"""Words of synthetic watermarks and of lettering that belongs to a photo, in many scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# What each script is written with: (first, last) code points, and whether a font must have them.
SCRIPTS: dict[str, tuple[tuple[int, int], ...]] = {
    "latin": ((0x41, 0x5A), (0x61, 0x7A)),
    "latin_extra": ((0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x17E)),
    "greek": ((0x391, 0x3A1), (0x3A3, 0x3A9), (0x3B1, 0x3C9)),
    "cyrillic": ((0x410, 0x44F),),
    "armenian": ((0x561, 0x586),),
    "georgian": ((0x10D0, 0x10F0),),
    "hebrew": ((0x5D0, 0x5EA),),
    "arabic": ((0x621, 0x63A), (0x641, 0x64A)),
    "devanagari": ((0x905, 0x914), (0x915, 0x939)),
    "bengali": ((0x995, 0x9A8), (0x9AA, 0x9B0)),
    "tamil": ((0xB85, 0xB8A), (0xB95, 0xB95), (0xBAE, 0xBB5)),
    "gurmukhi": ((0xA15, 0xA28), (0xA2A, 0xA30)),
    "thai": ((0xE01, 0xE2E),),
    "kana": ((0x3042, 0x3082), (0x30A2, 0x30F3)),
    "han": ((0x4E00, 0x9FA5),),
    "hangul": ((0xAC00, 0xD7A3),),
}

_ONSETS = [
    *("b", "bl", "br", "c", "ch", "cl", "cr", "d", "dr", "f", "fl", "fr", "g", "gl", "gr", "h", "j", "k"),
    *("kl", "l", "m", "n", "p", "pl", "pr", "qu", "r", "s", "sc", "sh", "sk", "sl", "sp", "st", "t", "th"),
    *("tr", "v", "w", "z"),
]
_NUCLEI = ["a", "e", "i", "o", "u", "y", "ai", "ea", "ee", "ia", "io", "oa", "oo", "ou", "ue"]
_CODAS = ["", "", "", "n", "r", "l", "s", "t", "ck", "nd", "m", "rk", "st", "ng", "x", "ft"]
_TRADE = [
    *(
        "stock",
        "image",
        "photo",
        "foto",
        "gallery",
        "media",
        "archive",
        "press",
        "prints",
        "studio",
        "pictures",
    ),
    *("library", "agency", "visuals", "design", "art", "creative", "collection", "market", "shop", "store"),
    *(
        "market",
        "trade",
        "news",
        "times",
        "daily",
        "post",
        "lab",
        "works",
        "house",
        "group",
        "company",
        "bureau",
    ),
]
_NOTICE = [
    *("sample", "proof", "preview", "comp", "confidential", "not for sale", "do not use", "unlicensed"),
    *("evaluation copy", "specimen", "void", "copy", "for approval", "low res", "demo version"),
    *("trial version", "draft copy", "paid", "approved", "urgent", "original", "certified", "top secret"),
    *("MUESTRA", "no copiar", "Entwurf", "Muster", "épreuve", "ne pas copier", "copia de prueba", "bozza"),
    *("campione", "amostra", "voorbeeld", "próbka", "örnek", "ukázka", "minta", "prov", "utkast", "näyte"),
    *("образец", "черновик", "копия", "не копировать", "зразок", "δείγμα", "αντίγραφο"),
    *("样品", "样张", "内部资料", "禁止复制", "版权所有", "仅供参考", "見本", "サンプル", "複製禁止"),
    *("샘플", "견본", "복사 금지", "نموذج", "عينة", "مسودة", "דוגמה", "טיוטה", "नमूना", "प्रतिलिपि"),
    *("ตัวอย่าง", "ห้ามคัดลอก", "mẫu", "contoh", "halimbawa"),
]
_ENDINGS = [
    *(".com", ".net", ".org", ".io", ".de", ".fr", ".co.uk", ".jp", ".cn", ".ru", ".br", ".in", ".photo"),
    *(".art", ".me", ".tv", ".info"),
]
_CREDITS = ["©", "Copyright", "(c)", "Photo by", "Image:", "via", "Fot.", "Credit:"]


def name(rng: np.random.Generator) -> str:
    """A made-up name of one to three syllables."""
    syllables = int(rng.integers(1, 4))
    word = "".join(
        _ONSETS[rng.integers(len(_ONSETS))] + _NUCLEI[rng.integers(len(_NUCLEI))] for _ in range(syllables)
    )
    return word + _CODAS[rng.integers(len(_CODAS))]


def date(rng: np.random.Generator) -> str:
    year, month, day = int(rng.integers(1985, 2032)), int(rng.integers(1, 13)), int(rng.integers(1, 32))
    hour, minute, second = int(rng.integers(24)), int(rng.integers(60)), int(rng.integers(60))
    forms = (
        f"{day:02d}.{month:02d}.{year}",
        f"{year}/{month:02d}/{day:02d}",
        f"{month}/{day}/{year % 100:02d}",
        f"{year}-{month:02d}-{day:02d}",
        f"'{year % 100:02d} {month:2d} {day:2d}",
        f"{day:02d} {month:02d} {year % 100:02d}",
        f"{hour:02d}:{minute:02d}:{second:02d}",
        f"{day:02d}-{month:02d}-{year} {hour:02d}:{minute:02d}",
        f"{year}.{month:02d}.{day:02d} {hour:02d}:{minute:02d}:{second:02d}",
    )
    return forms[rng.integers(len(forms))]


def _cased(rng: np.random.Generator, text: str) -> str:
    way = rng.random()
    if way < 0.35:
        return text.title()
    if way < 0.6:
        return text.upper()
    return text if way < 0.9 else text.capitalize()


def latin(rng: np.random.Generator) -> str:
    """A line as watermarks have it: names, domains, handles, notices, credits, dates, numbers."""
    a, b, trade = name(rng), name(rng), _TRADE[rng.integers(len(_TRADE))]
    year = int(rng.integers(1950, 2032))
    way = int(rng.integers(16))
    if way == 0:
        return _cased(rng, a)
    if way == 1:
        return _cased(rng, f"{a} {b}")
    if way == 2:
        return _cased(rng, f"{a} {trade}")
    if way == 3:
        return _cased(rng, a + trade)
    if way == 4:
        return (
            ("www." if rng.random() < 0.5 else "")
            + a
            + b * int(rng.random() < 0.4)
            + _ENDINGS[rng.integers(len(_ENDINGS))]
        )
    if way == 5:
        return "@" + a + ("_", ".", "")[rng.integers(3)] + b
    if way == 6:
        return f"© {year} {_cased(rng, a + ' ' + b)}"
    if way == 7:
        return f"{_CREDITS[rng.integers(8)]} {_cased(rng, a + ' ' + b)}"
    if way == 8:
        return date(rng)
    if way == 9:
        return f"{('#', 'ID: ', 'No. ', 'REF ', '')[rng.integers(5)]}{int(rng.integers(10**4, 10**10))}"
    if way == 10:
        return "".join(chr(65 + int(k)) for k in rng.integers(26, size=int(rng.integers(1, 5))))
    if way == 11:
        return _cased(rng, f"{a} {('&', '+', 'and', '-', '|', '·', '/', 'x')[rng.integers(8)]} {b}")
    if way == 12:
        return _cased(rng, f"{a} {b} {name(rng)} {trade}")
    if way == 13:
        return f"{int(rng.integers(100))}% {_cased(rng, a)}"
    return _cased(rng, _NOTICE[rng.integers(len(_NOTICE))])


def foreign(rng: np.random.Generator, script: str) -> str:
    """Letters of a script in word-like runs; real words where the notices have them."""
    ranges = SCRIPTS[script]
    dense = script in {"han", "hangul", "kana"}
    pieces = []
    for _ in range(int(rng.integers(1, 3 if dense else 4))):
        length = int(rng.integers(2, 6 if dense else 9))
        span = ranges[rng.integers(len(ranges))]
        if script == "han":  # the commoner characters are spread over the block; any will do for shapes
            span = (0x4E00, 0x8FFF)
        pieces.append("".join(chr(int(k)) for k in rng.integers(span[0], span[1] + 1, size=length)))
    text = " ".join(pieces)
    if rng.random() < 0.2:
        text += f" {int(rng.integers(1990, 2032))}"
    return text


def notices_of(script: str) -> list[str]:
    """The notices that are written in the script."""
    ranges = SCRIPTS[script]
    return [
        text for text in _NOTICE if any(lo <= ord(text[0]) <= hi for lo, hi in ranges) and script != "latin"
    ]
