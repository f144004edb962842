"""The lattice that a repeated mark stands on: how it shows itself, and how sure that is.

A mark that is tiled over a picture is the same everywhere, while the photo under it is not. So the picture
agrees with itself, moved by a step of the lattice, far better than by any other step. Edges and textures
agree with themselves too, but over many steps alike; whitening the spectrum takes that away and leaves the
comb of the lattice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINE = 2.0  # pixels; detail is what this blur takes away
NEAR = 8.0  # pixels; detail is measured in its own deviation over this blur
CLIP = 2.0  # deviations: no single edge speaks louder than this
NOISE = 1.0  # levels: what is weaker is the encoder's
SMOOTH = 9  # bins of the spectrum that are brought to one height
BAND = 0.3  # cycles a pixel; finer detail is mostly the encoder's
BLOCK = 8  # side of a JPEG block, whose seams repeat too
SHORTEST = 16.0  # pixels between two copies
SMALLEST = 600.0  # pixels of a lattice's cell
REACH = 0.75  # of the picture's side: steps up to this long are looked at
FARTHEST = 0.68  # of the picture's side: over longer steps too little overlaps to be told evenly
RIM = 48  # pixels; what stands out is judged by steps as far around
CANDIDATES = 60
ALIKE = 0.3  # steps between the true ones agree less than this part as well
LONGEST = 12  # letters of a word, about, that are each as far from the next
UNEVEN = 0.5  # of a lattice's best step: three quarters of its steps agree that well, or it is another one
STRONG = 0.6  # of the best agreement there is: what another lattice's best step reaches


@dataclass(frozen=True, slots=True)
class Lattice:
    """Where copies of one mark stand.

    Attributes:
        steps: (2, 2) float64, its columns two steps (x, y) in pixels from a copy to its neighbours, reduced:
            no shorter ones span the same lattice.
        evidence: how far the agreement of all steps exceeds what chance brings, in deviations summed up.
        seen: what agreed.
    """

    steps: NDArray[np.float64]
    evidence: float
    seen: Agreement

    @property
    def cell(self) -> float:
        """Pixels that one copy has for itself."""
        return abs(float(np.linalg.det(self.steps)))


def detail(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) fine detail of the luma (0..255) in its own local deviations, clipped."""
    fine = luma - cv2.GaussianBlur(luma, (0, 0), FINE)
    deviation = np.sqrt(_wide(fine * fine, NEAR)) + NOISE
    return np.clip(fine / deviation, -CLIP, CLIP, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well a picture agrees with itself, moved.

    Attributes:
        values: (2 R + 1, 2 C + 1) float32, in deviations of what chance brings, the unmoved picture at the
            centre; R and C are the longest steps down and to the right.
        shape: (height, width) of the picture.
        spectrum: (rows, columns // 2 + 1) complex64, of the picture's detail on a canvas of (rows, columns).
        gain: float32 of the same shape, what makes that spectrum flat.
        columns: of the canvas.
    """

    values: NDArray[np.float32]
    shape: tuple[int, int]
    spectrum: NDArray[np.complex64]
    gain: NDArray[np.float32]
    columns: int

    @property
    def reach(self) -> tuple[int, int]:
        return self.values.shape[0] // 2, self.values.shape[1] // 2

    def whitened(self) -> NDArray[np.float32]:
        """(H, W) float32, the detail whose spectrum has been made flat, of deviation 1: what agreed."""
        canvas = np.fft.irfft2(self.spectrum * self.gain, s=(self.spectrum.shape[0], self.columns))
        white = canvas[: self.shape[0], : self.shape[1]]
        return np.asarray(white / max(float(white.std()), 1e-9), np.float32, order="C")


def agreement(fine: NDArray[np.float32]) -> Agreement:
    """Autocorrelation of (H, W) detail under a whitened spectrum, at all steps within `REACH`."""
    height, width = fine.shape
    rows = cv2.getOptimalDFTSize(int(height * (1 + REACH)) + 1)
    columns = cv2.getOptimalDFTSize(int(width * (1 + REACH)) + 1)
    columns += columns % 2
    canvas = np.zeros((rows, columns), np.float32)
    canvas[:height, :width] = fine - fine.mean()
    half = columns // 2 + 1  # a real picture's spectrum says everything twice
    parts = cv2.dft(canvas, flags=cv2.DFT_COMPLEX_OUTPUT, nonzeroRows=height)[:, :half]
    power = parts[..., 0] ** 2 + parts[..., 1] ** 2
    level = cv2.blur(power, (SMOOTH, SMOOTH)) + np.float32(1e-9 + 1e-6 * power.mean())
    weight = _band(rows, columns)[:, :half]
    white = (np.minimum(power / level, 12.0) - 1.0) * weight
    values = np.fft.irfft2(white.astype(np.complex64), s=(rows, columns))
    down, right = int(height * REACH), int(width * REACH)
    # opposite steps agree alike, so one half tells the other; the rim is for what looks around each step
    rim = min(RIM, down)
    lower = np.roll(np.roll(values, rim, axis=0)[: rim + down + 1], right, axis=1)[:, : 2 * right + 1]
    lower = _standing_out(np.asarray(lower, np.float32, order="C"))[rim:]
    whole = np.concatenate([lower[:0:-1, ::-1], lower])
    spectrum = np.ascontiguousarray(parts).view(np.complex64)[..., 0]
    return Agreement(whole, (height, width), spectrum, np.sqrt(weight / level, dtype=np.float32), columns)


def _band(rows: int, columns: int) -> NDArray[np.float32]:
    """Weight of each bin of the spectrum: fine detail counts less, the seams of JPEG blocks not at all."""
    along: list[NDArray[np.float32]] = []
    for count in (rows, columns):
        wave = np.abs(np.fft.fftfreq(count))
        weight = np.exp(-(wave**2) / BAND**2).astype(np.float32)
        for k in range(1, BLOCK // 2 + 1):
            weight[np.abs(wave - k / BLOCK) < 1.6 / count] = 0
        along.append(weight)
    return np.outer(*along)


def _wide(values: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    """A blur too wide to need every pixel: about `sigma` pixels, from a quarter of the scale."""
    height, width = values.shape
    small = (max(1, -(-width // 4)), max(1, -(-height // 4)))
    coarse = cv2.GaussianBlur(cv2.resize(values, small, interpolation=cv2.INTER_AREA), (0, 0), sigma / 4)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _standing_out(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values in deviations of chance, less where steps all around agree as well."""
    values = values / np.float32(1.4826 * np.median(np.abs(values[::3, ::3])) + 1e-12)
    above = values - _wide(values, 6.0)
    around = np.sqrt(_wide(np.clip(above, -4, 4) ** 2, 14.0))
    return np.asarray(above / np.maximum(around, 1.0), np.float32)


def find_lattice(luma: NDArray[np.float32]) -> Lattice | None:
    """The most likely lattice of a picture, whatever its evidence, or None where no two steps stand out.

    Args:
        luma: (H, W) float32 in 0..255.
    """
    seen = agreement(detail(luma))
    candidate = _search(seen.values)
    if candidate is None:
        return None
    steps = reduced(refined(seen.values, candidate))
    steps = reduced(refined(seen.values, coarsened(seen, steps)))
    steps = reduced(refined(seen.values, evened(seen, steps)))
    if abs(np.linalg.det(steps)) < SMALLEST:
        return None
    return Lattice(steps, total(seen.values, steps), seen)


def _peaks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, 2) steps (x, y) that stand out, strongest first; one of each pair of opposite steps."""
    down, right = values.shape[0] // 2, values.shape[1] // 2
    highest = cv2.dilate(values, np.ones((7, 7), np.uint8))
    y, x = np.nonzero((values == highest) & (values > 3.0))
    strength = values[y, x]
    y, x = y - down, x - right
    keep = (np.hypot(x, y) >= SHORTEST) & ((y > 0) | ((y == 0) & (x > 0)))
    order = np.argsort(-strength[keep])[:CANDIDATES]
    return np.stack([x[keep][order], y[keep][order]], 1).astype(np.float64)


_RING = [(i, j) for i in range(4) for j in range(-3, 4) if (i > 0 or j > 0) and abs(i) + abs(j) <= 4]


def _search(values: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """The two peaks whose combinations agree best altogether, as columns."""
    pairs = _pairs(_peaks(values))
    if len(pairs) == 0:
        return None
    near = _near(values)
    scores = np.zeros(len(pairs))
    for i, j in _RING:
        scores += _contribution(near, i * pairs[..., 0] + j * pairs[..., 1])
    return np.asarray(pairs[int(np.argmax(scores))], np.float64)


def _pairs(peaks: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M, 2, 2) lattices, all that two of (N, 2) peaks span as their columns."""
    first, second = np.triu_indices(len(peaks), 1)
    a, b = peaks[first], peaks[second]
    area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    apart = (area >= SMALLEST) & (area > 0.2 * np.hypot(*a.T) * np.hypot(*b.T))
    return np.stack([a[apart], b[apart]], 2)


def evened(seen: Agreement, steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lattice, or the densest other one all of whose steps agree, if its own do so unevenly.

    Where every second row of a mark is shifted by some part of the step, a lattice through two neighbouring
    rows agrees at one step in two or three. The true one has a cell of two rows.
    """
    if _evenness(seen, steps[None])[0][0] >= UNEVEN:
        return steps
    pairs = _pairs(_peaks(seen.values))
    if len(pairs) == 0:
        return steps
    even, strength = _evenness(seen, pairs)
    fit = (even >= UNEVEN) & (strength >= STRONG * strength.max())
    if not fit.any():
        return steps
    dense = np.where(fit, even**2 / np.abs(np.linalg.det(pairs)), 0)
    return np.asarray(pairs[int(np.argmax(dense))], np.float64)


def _evenness(
    seen: Agreement, lattices: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How evenly the steps of (N, 2, 2) lattices agree, and how well the best of each does.

    Returns:
        The lower quartile over the best, in 0..1; the best, as of the whole picture; both 0 where fewer than
        two steps can be seen.
    """
    down, right = seen.reach
    height, width = seen.shape
    counts = np.array([(i, j) for i in range(7) for j in range(-6, 7) if i > 0 or j > 0], float).T
    at = np.rint(lattices @ counts).astype(int)
    x, y = np.abs(at[:, 0]), np.abs(at[:, 1])
    visible = (x <= min(right, FARTHEST * width)) & (y <= min(down, FARTHEST * height))
    overlap = np.maximum((1 - x / width) * (1 - y / height), 0.05)
    rows, columns = np.clip(at[:, 1] + down, 0, 2 * down), np.clip(at[:, 0] + right, 0, 2 * right)
    # chance falls with the root of what overlaps
    agreed = np.where(visible, _near(seen.values)[rows, columns] / np.sqrt(overlap), np.nan)
    enough = visible.sum(1) >= 2
    even, best = np.zeros(len(agreed)), np.zeros(len(agreed))
    best[enough] = np.nanmax(agreed[enough], axis=1)
    even[enough] = np.nanquantile(agreed[enough], 0.25, axis=1) / np.maximum(best[enough], 1e-6)
    return even, best


def _near(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The highest value within a pixel of each."""
    return np.asarray(cv2.dilate(values, np.ones((3, 3), np.uint8)), np.float32)


def _contribution(near: NDArray[np.float32], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each of (N, 2) steps adds to a lattice's score: over 2.5 deviations speaks for it."""
    down, right = near.shape[0] // 2, near.shape[1] // 2
    at = np.rint(steps).astype(int)
    inside = (np.abs(at[:, 0]) < right) & (np.abs(at[:, 1]) < down)
    seen = near[np.clip(at[:, 1] + down, 0, 2 * down), np.clip(at[:, 0] + right, 0, 2 * right)]
    return np.where(inside, np.clip(seen, -1.0, 12.0) - 2.5, 0.0)


def total(values: NDArray[np.float32], steps: NDArray[np.float64]) -> float:
    """The score of a lattice."""
    near = _near(values)
    return float(sum(_contribution(near, (steps @ np.array(k, float))[None])[0] for k in _RING))


def coarsened(seen: Agreement, steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lattice, or that one of its sublattices whose steps agree far better than the steps between them.

    The letters of a word, and lines drawn along it, agree with each other at steps that are a part of the
    true one. At true steps the agreement is the same at all of them, but for the overlap that is left.
    """
    down, right = seen.reach
    height, width = seen.shape
    near = _near(seen.values)
    counts: list[tuple[int, int]] = []
    values: list[float] = []
    for i in range(LONGEST + 1):
        for j in range(-LONGEST, LONGEST + 1):
            x, y = (round(float(v)) for v in steps @ np.array((i, j), float))
            if (i > 0 or j > 0) and abs(x) <= min(right, 0.6 * width) and abs(y) <= min(down, 0.6 * height):
                counts.append((i, j))
                overlap = (1 - abs(x) / width) * (1 - abs(y) / height)
                values.append(float(near[y + down, x + right]) / overlap)
    count, value = np.array(counts).reshape(-1, 2), np.array(values)
    best, chosen = 0.0, np.eye(2)
    for columns, shift, rows in _sublattices():
        turns, rest = np.divmod(count[:, 1], rows)
        member = (rest == 0) & ((count[:, 0] - turns * shift) % columns == 0)
        if member.sum() < 2 or (~member).sum() < 2:
            continue
        within, between = float(np.median(value[member])), float(np.quantile(value[~member], 0.75))
        if within > 5.0 and between < ALIKE * within and within - between > best * 1.05:
            best, chosen = within - between, np.array([[columns, shift], [0, rows]], float)
    return steps @ chosen


def _sublattices() -> list[tuple[int, int, int]]:
    """All sublattices of up to `LONGEST` cells: spanned by (columns, 0) and (shift, rows)."""
    return [
        (size // rows, shift, rows)
        for size in range(2, LONGEST + 1)
        for rows in range(1, size + 1)
        if size % rows == 0
        for shift in range(size // rows)
    ]


def refined(values: NDArray[np.float32], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps fitted to all peaks that they lead to, from near to far: the far tell parts of a pixel."""
    for far in (1, 2, 3, 5, 8):
        counts: list[tuple[int, int]] = []
        places: list[tuple[float, float]] = []
        weights: list[float] = []
        for i in range(far + 1):
            for j in range(-far, far + 1):
                peak = _peak_at(values, steps @ np.array((i, j), float)) if i > 0 or j > 0 else None
                if peak is not None and peak[2] > 3.0:
                    counts.append((i, j))
                    places.append(peak[:2])
                    weights.append(np.sqrt(peak[2]))
        if len(counts) < 2 or np.linalg.matrix_rank(np.array(counts)) < 2:
            continue
        weight = np.array(weights)[:, None]
        steps = np.linalg.lstsq(np.array(counts) * weight, np.array(places) * weight, rcond=None)[0].T
    return steps


def _peak_at(values: NDArray[np.float32], step: NDArray[np.float64]) -> tuple[float, float, float] | None:
    """The peak (x, y, value) within a pixel of a step, between the pixels by parabolas; None outside."""
    down, right = values.shape[0] // 2, values.shape[1] // 2
    x, y = round(float(step[0])) + right, round(float(step[1])) + down
    if not (2 <= x < 2 * right - 1 and 2 <= y < 2 * down - 1):
        return None
    dy, dx = np.unravel_index(int(np.argmax(values[y - 1 : y + 2, x - 1 : x + 2])), (3, 3))
    x, y = x + int(dx) - 1, y + int(dy) - 1
    return (
        x - right + _vertex(*values[y, x - 1 : x + 2]),
        y - down + _vertex(*values[y - 1 : y + 2, x]),
        float(values[y, x]),
    )


def _vertex(before: float, here: float, after: float) -> float:
    """Where between -0.5 and 0.5 the parabola through three values is highest."""
    bend = before - 2 * here + after
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


def reduced(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shortest two steps of the same lattice (Lagrange's and Gauss's reduction)."""
    a, b = steps[:, 0], steps[:, 1]
    while True:
        if a @ a > b @ b:
            a, b = b, a
        times = round(float(a @ b / (a @ a)))
        if times == 0:
            return np.stack([a, b], 1)
        b = b - times * a
