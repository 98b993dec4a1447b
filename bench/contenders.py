"""Networks that ours are compared with, and that nobody is meant to ship: other heads, a rectifier, a transposed map.

Every one is a LineNetwork with a `loss` and a `read` of its own, so the one training loop trains them all; only those
whose head is CTC could be exported. Class 0, the blank of CTC, begins and ends a text where a head writes letter by
letter. `register()` puts them all into the registry, under the names that `architectures.py` takes.

Shapes: N lines, T frames, L letters with the end, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from netchu.models import ARCHITECTURES, BASE, TINY, ours
from netchu.models.blocks import Normalise, conv, frame_mask
from netchu.models.line import LineNetwork
from netchu.models.loss import ctc_loss
from netchu.models.necks import AttentionNeck, ConvNeck, LSTMNeck, SelfAttention
from netchu.models.trunks import ResidualTrunk, VGGTrunk

END = 0
NEVER = -1e4  # score of a frame that must not be attended to


def positions(count: int, channels: int, first: int = 0) -> Tensor:
    """Sines and cosines of `count` places from `first` on (Vaswani et al. 2017) -> (count, channels)."""
    places = torch.arange(first, first + count)[:, None]
    rates = torch.exp(torch.arange(0, channels, 2) * (-math.log(10_000.0) / channels))
    return torch.stack([(places * rates).sin(), (places * rates).cos()], 2).flatten(1)


def padded(targets: Tensor, counts: Tensor, backwards: bool = False) -> tuple[Tensor, Tensor]:
    """Labels one after the other, with how many each line has -> letters (N, L), each line's end included; (N, L) real.

    `backwards` turns every line's letters round.
    """
    rows = [
        torch.cat([row.flip(0) if backwards else row, row.new_tensor([END])]) for row in targets.split(counts.tolist())
    ]
    letters = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=END)
    return letters, torch.arange(letters.shape[1], device=counts.device) <= counts[:, None]


def written(letters: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """What stands before the first end of each line."""
    rows = [[int(letter) for letter in row] for row in letters]
    return [tuple(row[: row.index(END)] if END in row else row) for row in rows]


def cross_entropy(logits: Tensor, letters: Tensor, real: Tensor) -> Tensor:
    """(N, L, classes), (N, L), (N, L) -> summed nats of the real letters."""
    return functional.cross_entropy(logits[real].float(), letters[real], reduction="sum")


class WritingNetwork(LineNetwork):
    """Trunk and neck as ever; the head writes letter by letter. The shortcut head stays CTC."""

    def __init__(
        self, trunk: nn.Module, neck: nn.Module, classes: int, writer: Callable[[int, int], nn.Module]
    ) -> None:
        super().__init__(48, trunk, neck, classes)
        self.head = writer(neck.channels, classes)  # type: ignore[arg-type]

    def loss(self, images: Tensor, widths: Tensor, targets: Tensor, counts: Tensor, shortcut: float) -> Tensor:
        frames, lengths = self.features(images, widths)
        memory = self.dropout(self.neck(frames, lengths))
        short = ctc_loss(self.classify(self.shortcut, frames), targets, lengths, counts)
        with torch.autocast(images.device.type, enabled=False):  # many small products: casting costs more than it saves
            own = self.head.loss(memory.float().squeeze(2).transpose(1, 2), lengths, targets, counts)
        return (1 - shortcut) * own + shortcut * short

    @torch.no_grad()
    def read(self, images: Tensor, widths: Tensor) -> tuple[list[tuple[int, ...]], int | None]:
        frames, lengths = self.features(images, widths)
        lines, _ = self.head.write(self.neck(frames, lengths).squeeze(2).transpose(1, 2), lengths)
        return lines, None


class AttentionWriter(nn.Module):
    """A recurrent decoder that looks where Bahdanau's attention says (ASTER, Attention-OCR).

    The scores also see the frames attended to one letter before (Chorowski et al. 2015): lines have forty letters, and
    many alike, where the words that those were made for have six.
    """

    most = 1 << 16  # letters that it may write; where costs are measured, those that the text has

    def __init__(self, channels: int, classes: int, hidden: int = 192, look: int = 96, backwards: bool = False) -> None:
        super().__init__()
        self.backwards, self.hidden = backwards, hidden
        self.embed = nn.Embedding(classes, 64)
        self.key = nn.Linear(channels, look)
        self.query = nn.Linear(hidden, look, bias=False)
        self.before = nn.Conv1d(1, look, 21, padding=10, bias=False)
        self.score = nn.Linear(look, 1, bias=False)
        self.cell = nn.GRUCell(64 + channels, hidden)
        self.out = nn.Linear(hidden + channels, classes)

    def begin(self, memory: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """memory (N, T, C) -> keys (N, T, look), hidden (N, T), state (N, hidden), attention (N, T): none yet."""
        beyond = (frame_mask(lengths, memory.shape[1])[:, 0, 0] - 1) * -NEVER
        return self.key(memory), beyond, memory.new_zeros(len(memory), self.hidden), torch.zeros_like(beyond)

    def step(
        self, memory: Tensor, keys: Tensor, beyond: Tensor, state: Tensor, attention: Tensor, letter: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """After `letter` (N,) -> features (N, hidden + C) of the next, the new state and attention."""
        seen = self.before(attention[:, None]).transpose(1, 2)
        scores = self.score(torch.tanh(keys + self.query(state)[:, None] + seen)).squeeze(2)
        attention = (scores + beyond).softmax(1)
        context = torch.bmm(attention[:, None], memory).squeeze(1)
        state = self.cell(torch.cat([self.embed(letter), context], 1), state)
        return torch.cat([state, context], 1), state, attention

    def loss(self, memory: Tensor, lengths: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        letters, real = padded(targets, counts, self.backwards)
        keys, beyond, state, attention = self.begin(memory, lengths)
        given, features = functional.pad(letters[:, :-1], (1, 0), value=END), []
        for letter in given.unbind(1):
            found, state, attention = self.step(memory, keys, beyond, state, attention, letter)
            features.append(found)
        return cross_entropy(self.out(torch.stack(features, 1)), letters, real)

    def write(self, memory: Tensor, lengths: Tensor) -> tuple[list[tuple[int, ...]], Tensor]:
        """The likeliest letter, one after the other -> classes of each line, and their log-likelihood (N,)."""
        keys, beyond, state, attention = self.begin(memory, lengths)
        letter, letters = torch.full_like(lengths, END), []
        likelihood, going = memory.new_zeros(len(memory)), torch.ones_like(lengths, dtype=torch.bool)
        for place in range(min(self.most, int(lengths.max()))):  # no more letters than frames, as with CTC
            going = going & (place < lengths)
            if not going.any():
                break
            features, state, attention = self.step(memory, keys, beyond, state, attention, letter)
            best, letter = self.out(features).log_softmax(1).max(1)
            likelihood = likelihood + best * going
            letter = letter * going
            letters.append(letter)
            going = going & (letter != END)
        lines = written(torch.stack(letters, 1).tolist())
        return [line[::-1] for line in lines] if self.backwards else lines, likelihood


class BothWays(nn.Module):
    """A decoder from left to right and one from right to left; the likelier text is what is read (ASTER)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.writers = nn.ModuleList(AttentionWriter(channels, classes, backwards=way) for way in (False, True))

    def loss(self, memory: Tensor, lengths: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        there, back = (writer.loss(memory, lengths, targets, counts) for writer in self.writers)
        return (there + back) / 2

    def write(self, memory: Tensor, lengths: Tensor) -> tuple[list[tuple[int, ...]], Tensor]:
        (there, one), (back, other) = (writer.write(memory, lengths) for writer in self.writers)
        lines = [back[k] if better else there[k] for k, better in enumerate((other > one).tolist())]
        return lines, torch.maximum(one, other)


class DecoderLayer(nn.Module):
    """Pre-norm: attention to the letters so far, to the frames, then two pointwise layers (Vaswani et al. 2017)."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))
        self.own = nn.ModuleList(nn.Linear(channels, size) for size in (channels, 2 * channels, channels))
        self.other = nn.ModuleList(nn.Linear(channels, size) for size in (channels, 2 * channels, channels))
        self.mix = nn.Sequential(nn.Linear(channels, 2 * channels), nn.ReLU(), nn.Linear(2 * channels, channels))
        self.dropout = nn.Dropout(dropout)

    def attend(self, query: Tensor, keyed: Tensor, out: nn.Module, hidden: Tensor) -> Tensor:
        """query (N, L, C), keys and values side by side (N, M, 2 C), hidden added to the scores -> (N, L, C)."""
        asked, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (query, *keyed.chunk(2, 2))
        )  # (N, heads, L or M, C / heads)
        scores = asked @ key.transpose(2, 3) / asked.shape[3] ** 0.5 + hidden
        return self.dropout(out((scores.softmax(3) @ value).transpose(1, 2).flatten(2)))

    def forward(self, steps: Tensor, so_far: Tensor, later: Tensor, frames: Tensor, beyond: Tensor) -> Tensor:
        """steps (N, L, C), the letters among which they look (N, M, C), frames with keys and values (N, T, 2 C)."""
        query, keyed, out = self.own
        steps = steps + self.attend(query(self.norms[0](steps)), keyed(self.norms[0](so_far)), out, later)
        query, _, out = self.other
        steps = steps + self.attend(query(self.norms[1](steps)), frames, out, beyond)
        return steps + self.dropout(self.mix(self.norms[2](steps)))


class TransformerWriter(nn.Module):
    """A transformer decoder, trained on all letters at once and writing one after the other."""

    most = 1 << 16  # as AttentionWriter's

    def __init__(self, channels: int, classes: int, size: int = 128, depth: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.size = size
        self.enter = nn.Linear(channels, size)
        self.embed = nn.Embedding(classes, size)
        self.layers = nn.ModuleList(DecoderLayer(size, heads, 0.1) for _ in range(depth))
        self.norm = nn.LayerNorm(size)
        self.out = nn.Linear(size, classes)

    def begin(self, memory: Tensor, lengths: Tensor) -> tuple[list[Tensor], Tensor]:
        """memory (N, T, C) -> its keys and values for each layer (N, T, 2 size); (N, 1, 1, T), very low beyond."""
        frames = self.enter(memory) + positions(memory.shape[1], self.size).to(memory)
        beyond = (frame_mask(lengths, memory.shape[1]) - 1) * -NEVER
        return [layer.other[1](frames) for layer in self.layers], beyond  # type: ignore[index,operator]

    def letters(self, given: Tensor, first: int = 0) -> Tensor:
        return self.embed(given) + positions(given.shape[1], self.size, first).to(self.embed.weight)

    def loss(self, memory: Tensor, lengths: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        letters, real = padded(targets, counts)
        frames, beyond = self.begin(memory, lengths)
        count = letters.shape[1]
        later = torch.full((count, count), NEVER, device=memory.device).triu(1)
        steps = self.letters(functional.pad(letters[:, :-1], (1, 0), value=END))
        for layer, seen in zip(self.layers, frames):
            steps = layer(steps, steps, later, seen, beyond)
        return cross_entropy(self.out(self.norm(steps)), letters, real)

    def write(self, memory: Tensor, lengths: Tensor) -> tuple[list[tuple[int, ...]], Tensor]:
        """As AttentionWriter. What the layers said of earlier letters is kept."""
        frames, beyond = self.begin(memory, lengths)
        none = memory.new_zeros(())
        past = [memory.new_zeros(len(memory), 0, self.size) for _ in self.layers]
        letter, letters = torch.full_like(lengths, END), []
        likelihood, going = memory.new_zeros(len(memory)), torch.ones_like(lengths, dtype=torch.bool)
        for place in range(min(self.most, int(lengths.max()))):
            going = going & (place < lengths)
            if not going.any():
                break
            step = self.letters(letter[:, None], place)
            for number, layer in enumerate(self.layers):
                past[number] = torch.cat([past[number], step], 1)
                step = layer(step, past[number], none, frames[number], beyond)
            best, letter = self.out(self.norm(step[:, 0])).log_softmax(1).max(1)
            likelihood = likelihood + best * going
            letter = letter * going
            letters.append(letter)
            going = going & (letter != END)
        return written(torch.stack(letters, 1).tolist()), likelihood


class Patches(nn.Module):
    """Slices of a line, each as high as it and four columns wide, through one linear layer: (N, 1, H, W) -> a row."""

    stride = 4
    reach = 0

    def __init__(self, channels: int, height: int = 48) -> None:
        super().__init__()
        self.channels = channels
        self.cut = nn.Conv2d(1, channels, (height, self.stride), self.stride)

    def forward(self, ink: Tensor) -> Tensor:
        return self.cut(functional.pad(ink, (0, -ink.shape[3] % self.stride)))


class PatchEncoder(nn.Module):
    """Transformer encoder layers over patches that know their places. As a neck: (N, C, 1, T) -> (N, C, 1, T)."""

    def __init__(self, channels: int, depth: int, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.channels = channels
        self.layers = nn.ModuleList(SelfAttention(channels, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(channels)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        steps = frames.squeeze(2).transpose(1, 2)  # (N, T, C)
        steps = steps + positions(steps.shape[1], self.channels).to(steps)
        beyond = (frame_mask(lengths, steps.shape[1]) - 1) * -NEVER
        for layer in self.layers:
            steps = layer(steps, beyond)
        return self.norm(steps).transpose(1, 2).unsqueeze(2)


class PlacedNetwork(LineNetwork):
    """The k-th frame says the k-th letter, whatever it shows (ViTSTR, Atienza 2021): no blanks, all at once."""

    def loss(self, images: Tensor, widths: Tensor, targets: Tensor, counts: Tensor, shortcut: float) -> Tensor:
        logits, short, lengths = self.forward_both(images, widths)
        letters, real = padded(targets, counts)
        fits = min(logits.shape[1], letters.shape[1])
        real = real[:, :fits] & (torch.arange(fits, device=lengths.device) < lengths[:, None])
        own = cross_entropy(logits[:, :fits], letters[:, :fits], real)
        return (1 - shortcut) * own + shortcut * ctc_loss(short, targets, lengths, counts)

    @torch.no_grad()
    def read(self, images: Tensor, widths: Tensor) -> tuple[list[tuple[int, ...]], int | None]:
        logits, lengths = self(images, widths)
        return written([row[:length].tolist() for row, length in zip(logits.argmax(2), lengths.tolist())]), None


class Rectifier(nn.Module):
    """In Normalise's place: ink bent straight by a thin-plate spline (the STN of RARE and ASTER).

    A small network looks at the whole line, drawn to one size, and says where in it each of two rows of control points
    lies; it learns from the reader's loss alone. It begins with every point in its place. Splines are smooth, so they
    are worked out on a lattice and drawn straight between its points.
    """

    rows, columns = 24, 96  # of the picture that is looked at
    lattice = (7, 49)

    def __init__(self, points: int = 10) -> None:
        super().__init__()
        self.normalise = Normalise()
        self.look = nn.Sequential(
            conv(1, 16, 3, 2), conv(16, 32, 3, 2), conv(32, 32, 3, 2), nn.Flatten(), nn.Linear(32 * 36, 64), nn.ReLU()
        )
        self.move = nn.Linear(64, 4 * points)
        nn.init.zeros_(self.move.weight)
        nn.init.zeros_(self.move.bias)
        across = torch.linspace(-1, 1, points, dtype=torch.float64)
        fixed = torch.cat([torch.stack([across, torch.full_like(across, row)], 1) for row in (-1.0, 1.0)])
        system = functional.pad(spline(fixed, fixed), (0, 0, 0, 3))
        system[2 * points :, : 2 * points] = spline(fixed, fixed)[:, 2 * points :].T
        bend = (spline(places(*self.lattice).double(), fixed) @ system.inverse())[:, : 2 * points]
        self.register_buffer("fixed", fixed.float(), persistent=False)
        self.register_buffer("bend", bend.float(), persistent=False)  # (lattice, points): where points are -> all are

    def forward(self, images: Tensor, widths: Tensor) -> Tensor:
        """uint8 (N, H, W), int64 (N,) -> float32 (N, 1, H, W)."""
        ink = self.normalise(images, widths)
        share = (widths / images.shape[2])[:, None, None]  # of the padded width that is the line's
        moved = self.move(
            self.look(sample(ink, places(self.rows, self.columns).to(ink), (self.rows, self.columns), share))
        )
        with torch.autocast(images.device.type, enabled=False):
            at = self.bend @ (self.fixed + moved.float().unflatten(1, (-1, 2)))  # (N, lattice, 2)
            high, wide = ink.shape[2:]
            own = places(high, wide, share, ends=False)  # of every pixel, in its line's own coordinates
            coarse = at.transpose(1, 2).unflatten(2, self.lattice)
            fine = functional.grid_sample(coarse, own, align_corners=True, padding_mode="border")
            bent = sample(ink, fine.permute(0, 2, 3, 1).flatten(1, 2), (high, wide), share)
        return bent * frame_mask(widths, wide)


def places(rows: int, columns: int, share: Tensor | None = None, ends: bool = True) -> Tensor:
    """Points spread over a line, x and y from -1 to 1: (rows x columns, 2), or by line (N, rows, columns, 2).

    With `ends` the outermost lie on the line's edges, else in the middle of its outermost pixels; with `share`
    (N, 1, 1) columns are those of padded lines, of which that much is theirs.
    """

    def spread(count: int) -> Tensor:
        return torch.linspace(-1, 1, count) if ends else (torch.arange(count) * 2 + 1) / count - 1

    if share is None:
        y, x = torch.meshgrid(spread(rows), spread(columns), indexing="ij")
        return torch.stack([x, y], 2).flatten(0, 1)
    x = ((spread(columns).to(share) + 1) / share - 1).expand(-1, rows, -1)
    return torch.stack([x, spread(rows).to(share)[:, None].expand_as(x)], 3)


def sample(ink: Tensor, at: Tensor, shape: tuple[int, int], share: Tensor) -> Tensor:
    """Padded lines (N, 1, H, W) at points (N or none, rows x columns, 2) in their own coordinates -> (N, 1, *shape)."""
    grid = at.expand(len(ink), -1, -1).unflatten(1, shape)
    x = (grid[..., 0] + 1) * share - 1
    return functional.grid_sample(ink, torch.stack([x, grid[..., 1]], 3), align_corners=False)


def spline(at: Tensor, fixed: Tensor) -> Tensor:
    """The terms of a thin-plate spline over points `fixed` (K, 2), at points (M, 2) -> (M, K + 3)."""
    square = (at[:, None] - fixed).square().sum(2)
    return torch.cat([square * square.clamp(min=1e-12).log() / 2, torch.ones_like(at[:, :1]), at], 1)


class Flattened(nn.Module):
    """A trunk whose rows are kept side by side with its channels, rather than their maximum.

    `right`, a column becomes a frame. Otherwise the seeds' trap: `Reshape((W, H * C))` on (H, W, C) without a Permute
    before it cuts memory anew, so that frames go through the line once for every row.
    """

    def __init__(self, trunk: ResidualTrunk, rows: int, right: bool) -> None:
        super().__init__()
        self.trunk, self.right = trunk, right
        self.stride, self.reach, self.channels = trunk.stride, trunk.reach, trunk.channels * rows

    def forward(self, ink: Tensor) -> Tensor:
        maps = self.trunk(ink)  # (N, C, h, W)
        if self.right:
            return maps.flatten(1, 2).unsqueeze(2)
        cut = maps.permute(0, 2, 3, 1).reshape(len(maps), maps.shape[3], -1)  # (N, W, h * C)
        return cut.transpose(1, 2).unsqueeze(2)


def tiny_neck(channels: int) -> ConvNeck:
    return ConvNeck(channels, 96, wide=192, depth=3)


def writing(writer: Callable[[int, int], nn.Module]) -> Callable[[int], LineNetwork]:
    """`tiny` with another head."""
    return lambda classes: WritingNetwork(ResidualTrunk(*TINY), tiny_neck(TINY[0][-1]), classes, writer)


def rectified(classes: int) -> LineNetwork:
    network = ARCHITECTURES["tiny"](classes)
    network.normalise = Rectifier()  # type: ignore[assignment]
    return network


def flattened(right: bool) -> Callable[[int], LineNetwork]:
    def build(classes: int) -> LineNetwork:
        trunk = Flattened(ResidualTrunk(*TINY), 3, right)  # 48 rows over 16
        return LineNetwork(48, trunk, tiny_neck(trunk.channels), classes)

    return build


CONTENDERS: dict[str, Callable[[int], LineNetwork]] = {
    "tiny-lstm": ours(*TINY, lambda c: LSTMNeck(c, 128)),
    "tiny-attention": ours(*TINY, lambda c: AttentionNeck(c, depth=6)),
    "crnn-narrow": lambda classes: LineNetwork(32, VGGTrunk(160), LSTMNeck(160, 96), classes),
    "attention-head": writing(AttentionWriter),
    "attention-head-both": writing(BothWays),
    "transformer-head": writing(TransformerWriter),
    "vit": lambda classes: LineNetwork(48, Patches(128), PatchEncoder(128, 6), classes),
    "vitstr": lambda classes: PlacedNetwork(48, Patches(128), PatchEncoder(128, 6), classes),
    "rectifier": rectified,
    "permute": flattened(right=True),
    "permute-wrong": flattened(right=False),
    "base-64": ours(*BASE, lambda c: ConvNeck(c, 192, wide=352, depth=4), height=64),
}


def register() -> None:
    """Let the trainer know them by name."""
    ARCHITECTURES.update(CONTENDERS)
