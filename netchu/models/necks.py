"""Necks: what looks along the line. Each maps frames (N, C, 1, T) and true lengths (N,) to frames (N, D, 1, T)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netchu.models.blocks import ConvMixer, frame_mask


class ConvNeck(nn.Module):
    """Convolutional mixing at two rates: a block at full rate, `depth` wide ones at half rate, a block at full rate.

    Half the frames cost half the work and see twice as far, which is where most parameters belong (the temporal U-Net
    of Squeezeformer, Kim et al. 2022). No recurrence, so a core reads it at full speed.
    """

    def __init__(self, inputs: int, channels: int, wide: int, depth: int, kernel: int = 13, dropout: float = 0.1) -> None:
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
    """Bidirectional LSTM layers over packed sequences: the backward pass starts at a line's last frame, not its padding."""

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


class AttentionNeck(nn.Module):
    """Transformer encoder layers (Vaswani et al. 2017) behind a convolution that tells each frame its neighbourhood."""

    def __init__(self, channels: int, depth: int, heads: int = 4, kernel: int = 15, dropout: float = 0.1) -> None:
        super().__init__()
        self.channels = channels
        self.position = ConvMixer(channels, kernel, 1, dropout)
        layer = nn.TransformerEncoderLayer(channels, heads, channels * 2, dropout, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, depth, nn.LayerNorm(channels), enable_nested_tensor=False)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        mask = frame_mask(lengths, frames.shape[3])
        steps = self.position(frames, mask).squeeze(2).transpose(1, 2)  # (N, T, C)
        hidden = torch.log(mask[:, 0, 0, :])  # 0 on the line, -inf on padding
        return self.layers(steps, src_key_padding_mask=hidden).transpose(1, 2).unsqueeze(2)
