"""Necks: what looks along the line. Each maps frames (N, C, 1, T) and true lengths (N,) to frames (N, D, 1, T)."""

from __future__ import annotations

from torch import Tensor, nn

from netchu.models.blocks import ConvMixer, frame_mask


class ConvNeck(nn.Module):
    """Convolutional mixing at two rates: a block at full rate, `depth` wide ones at half rate, a block at full rate.

    Half the frames cost half the work and see twice as far, which is where most parameters belong (the temporal U-Net
    of Squeezeformer, Kim et al. 2022). No recurrence, so a core reads it at full speed.
    """

    def __init__(
        self, inputs: int, channels: int, wide: int, depth: int, kernel: int = 13, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.channels = channels
        self.enter = nn.Conv2d(inputs, channels, 1)
        self.before = ConvMixer(channels, kernel, 2, dropout)
        self.down = nn.Conv2d(channels, wide, (1, 3), stride=(1, 2), padding=(0, 1))
        self.inner = nn.ModuleList(ConvMixer(wide, kernel, 2, dropout) for _ in range(depth))
        self.up = nn.Conv2d(wide, channels, 1)
        self.after = ConvMixer(channels, kernel, 2, dropout)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        mask = frame_mask(lengths, frames.shape[3])
        half = mask[..., ::2]
        frames = self.before(self.enter(frames), mask)
        slow = self.down(frames * mask)
        for block in self.inner:
            slow = block(slow, half)
        doubled = self.up(slow).repeat_interleave(2, dim=3)[..., : frames.shape[3]]
        return self.after(frames + doubled, mask)


class LSTMNeck(nn.Module):
    """Bidirectional LSTM layers, packed: the backward pass starts at a line's last frame, not in its padding."""

    def __init__(self, inputs: int, hidden: int, layers: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.channels = 2 * hidden
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(inputs, hidden, layers, batch_first=True, bidirectional=True, dropout=between)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        steps = frames.squeeze(2).transpose(1, 2)  # (N, T, C)
        packed = nn.utils.rnn.pack_padded_sequence(steps, lengths.cpu(), batch_first=True, enforce_sorted=False)
        outputs, _ = self.lstm(packed)
        steps, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=frames.shape[3])
        return steps.transpose(1, 2).unsqueeze(2)  # (N, D, 1, T)


class SelfAttention(nn.Module):
    """A pre-norm transformer encoder layer (Vaswani et al. 2017), written so that its export keeps every size free."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.project = nn.Linear(channels, 3 * channels)
        self.merge = nn.Linear(channels, channels)
        self.mix = nn.Sequential(nn.Linear(channels, 2 * channels), nn.ReLU(), nn.Linear(2 * channels, channels))
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: Tensor, hidden: Tensor) -> Tensor:
        """steps (N, T, C); hidden (N, 1, 1, T), added to the scores: 0 on the line, very low on padding."""
        heads = self.project(self.norms[0](steps)).unflatten(2, (3, self.heads, -1))  # (N, T, 3, heads, C / heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)  # each (N, heads, T, C / heads)
        scores = query @ key.transpose(2, 3) / float(query.shape[3]) ** 0.5 + hidden
        attended = (scores.softmax(3) @ value).transpose(1, 2).flatten(2)  # (N, T, C)
        steps = steps + self.dropout(self.merge(attended))
        return steps + self.dropout(self.mix(self.norms[1](steps)))


class AttentionNeck(nn.Module):
    """Transformer encoder layers behind a convolution, which tells each frame its neighbourhood."""

    def __init__(self, channels: int, depth: int, heads: int = 4, kernel: int = 15, dropout: float = 0.1) -> None:
        super().__init__()
        self.channels = channels
        self.position = ConvMixer(channels, kernel, 1, dropout)
        self.layers = nn.ModuleList(SelfAttention(channels, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(channels)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        mask = frame_mask(lengths, frames.shape[3])
        steps = self.position(frames, mask).squeeze(2).transpose(1, 2)  # (N, T, C)
        hidden = (mask - 1) * 1e4
        for layer in self.layers:
            steps = layer(steps, hidden)
        return self.norm(steps).transpose(1, 2).unsqueeze(2)
