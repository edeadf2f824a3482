"""Programs as tutorials write them, `import torch.nn as nn` kept and one line added: the same training, in numbers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import recurra.torch

Line = Callable[[nn.Module], nn.Module]


def trained(program: Callable[[Line], list[float]]) -> tuple[list[float], list[float]]:
    """The losses of a program with the line, and without."""
    found = []
    for line in (lambda model: recurra.torch.accelerate(model, report=False), lambda model: model):
        torch.manual_seed(0)
        random.seed(0)
        found.append(program(line))
    return found[0], found[1]


def tagging(line: Line) -> list[float]:
    """Part-of-speech tags, one sentence at a time, the batch dimension made by view."""
    data = [
        (["the", "dog", "ate", "the", "apple"], ["D", "N", "V", "D", "N"]),
        (["everybody", "read", "that", "book"], ["N", "V", "D", "N"]),
    ]
    words = {word: n for n, word in enumerate(sorted({word for sentence, _ in data for word in sentence}))}
    tags = {"D": 0, "N": 1, "V": 2}

    class LSTMTagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.word_embeddings = nn.Embedding(len(words), 6)
            self.lstm = nn.LSTM(6, 8)
            self.hidden2tag = nn.Linear(8, len(tags))

        def forward(self, sentence: Any) -> Any:
            embeds = self.word_embeddings(sentence)
            lstm_out, _ = self.lstm(embeds.view(len(sentence), 1, -1))
            return F.log_softmax(self.hidden2tag(lstm_out.view(len(sentence), -1)), dim=1)

    model = LSTMTagger()
    line(model)
    optimizer = optim.SGD(model.parameters(), lr=0.3)
    losses = []
    for _ in range(40):
        for sentence, names in data:
            model.zero_grad()
            loss = F.nll_loss(model(torch.tensor([words[w] for w in sentence])), torch.tensor([tags[t] for t in names]))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def packed_sentiment(line: Line) -> list[float]:
    """Classification of padded reviews: packed, bidirectional, dropout, the last states of both directions joined."""

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(50, 12, padding_idx=0)
            self.rnn = nn.LSTM(12, 10, num_layers=2, bidirectional=True, dropout=0.3, batch_first=True)
            self.fc = nn.Linear(20, 1)
            self.dropout = nn.Dropout(0.2)

        def forward(self, text: Any, lengths: Any) -> Any:
            embedded = self.dropout(self.embedding(text))
            packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
            packed_output, (hidden, _) = self.rnn(packed)
            output, _ = pad_packed_sequence(packed_output, batch_first=True)
            assert output.shape[:2] == text.shape
            return self.fc(self.dropout(torch.cat((hidden[-2], hidden[-1]), dim=1))).squeeze(1)

    lengths = torch.tensor([9, 3, 7, 7, 1, 12])
    text = torch.randint(1, 50, (6, 12)) * (torch.arange(12) < lengths[:, None])
    labels = (text.sum(1) % 2).float()
    model = line(Classifier())
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = nn.BCEWithLogitsLoss()(model(text, lengths), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def character_model(line: Line) -> list[float]:
    """A character model with the state carried from chunk to chunk, detached, and then a generated text."""
    text = "hello recurrent world. " * 12
    letters = sorted(set(text))
    ids = torch.tensor([letters.index(one) for one in text])

    class CharRNN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Embedding(len(letters), 8)
            self.rnn = nn.GRU(8, 24, 2, batch_first=True)
            self.decoder = nn.Linear(24, len(letters))

        def forward(self, x: Any, hidden: Any) -> Any:
            out, hidden = self.rnn(self.encoder(x), hidden)
            return self.decoder(out.reshape(-1, 24)), hidden

        def init_hidden(self, batch: int) -> Any:
            return next(self.parameters()).new_zeros(2, batch, 24)

    model = CharRNN()
    line(model)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    rows = ids[: 2 * (len(ids) // 2)].view(2, -1)
    losses = []
    for _ in range(3):
        hidden = model.init_hidden(2)
        for start in range(0, rows.shape[1] - 11, 10):
            hidden = hidden.detach()
            model.zero_grad()
            output, hidden = model(rows[:, start : start + 10], hidden)
            loss = nn.CrossEntropyLoss()(output, rows[:, start + 1 : start + 11].reshape(-1))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        hidden, one = model.init_hidden(1), torch.tensor([[0]])
        for _ in range(30):
            output, hidden = model(one, hidden)
            one = torch.multinomial(output.softmax(-1), 1)
            losses.append(float(output.max()))
    return losses


def names_by_a_hand_written_loop(line: Line) -> list[float]:
    """Names to languages with nn.RNN's cell in a loop over letters, and an LSTMCell on its outputs."""

    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.RNNCell(26, 16, nonlinearity="relu"), nn.LSTMCell(16, 12)
            self.out = nn.Linear(12, 4)

        def forward(self, letters: Any) -> Any:
            h, state = torch.zeros(letters.shape[1], 16), None
            for letter in letters:
                h = self.first(letter, h)
                state = self.second(h, state)
            return self.out(state[0])

    x = F.one_hot(torch.randint(0, 26, (9, 5)), 26).float()
    y = torch.randint(0, 4, (5,))
    model = line(Loop())
    optimizer = optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    losses = []
    for _ in range(40):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def attention_translation(line: Line) -> list[float]:
    """Sequence to sequence with additive attention and teacher forcing, the decoder's GRU called step by step."""

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.gru = nn.Embedding(20, 10), nn.GRU(10, 12, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.gru(self.embedding(x))

    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(18, 10)
            self.Wa, self.Ua, self.Va = nn.Linear(12, 12), nn.Linear(12, 12), nn.Linear(12, 1)
            self.gru, self.out = nn.GRU(22, 12, batch_first=True), nn.Linear(12, 18)

        def forward(self, encoded: Any, hidden: Any, target: Any) -> Any:
            token = torch.zeros(encoded.shape[0], 1, dtype=torch.long)
            outputs = []
            for step in range(target.shape[1]):
                query = hidden.permute(1, 0, 2)
                scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(encoded))).squeeze(2).unsqueeze(1)
                context = torch.bmm(F.softmax(scores, dim=-1), encoded)
                output, hidden = self.gru(torch.cat((self.embedding(token), context), dim=2), hidden)
                outputs.append(self.out(output))
                forced = random.random() < 0.5
                token = target[:, step : step + 1] if forced else outputs[-1].topk(1)[1].squeeze(-1).detach()
            return torch.cat(outputs, dim=1)

    source, target = torch.randint(0, 20, (4, 8)), torch.randint(0, 18, (4, 6))
    encoder, decoder = Encoder(), Decoder()
    line(nn.ModuleList([encoder, decoder]))
    optimizers = [optim.Adam(part.parameters(), lr=0.01) for part in (encoder, decoder)]
    losses = []
    for _ in range(25):
        for optimizer in optimizers:
            optimizer.zero_grad()
        output = decoder(*encoder(source), target)
        loss = F.cross_entropy(output.reshape(-1, 18), target.reshape(-1))
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    return losses


def sine_series(line: Line) -> list[float]:
    """A series forecast from windows: the last output of an LSTM, under L-BFGS, which calls back within a step."""
    series = torch.sin(torch.arange(60, dtype=torch.float64) / 4)
    x, y = series.unfold(0, 12, 1)[:-1].unsqueeze(-1), series[12:]

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.linear = nn.LSTM(1, 6, batch_first=True), nn.Linear(6, 1)

        def forward(self, x: Any) -> Any:
            return self.linear(self.lstm(x)[0][:, -1]).squeeze(-1)

    model = line(Model().double())
    optimizer = optim.LBFGS(model.parameters(), lr=0.5)
    losses: list[float] = []

    def closure() -> Any:
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        losses.append(loss.item())
        return loss

    for _ in range(2):
        optimizer.step(closure)
    return losses


PROGRAMS = {
    one.__name__: one
    for one in (
        tagging, packed_sentiment, character_model, names_by_a_hand_written_loop, attention_translation, sine_series
    )
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_one_line_changes_the_speed_alone(name: str) -> None:
    ours, theirs = trained(PROGRAMS[name])
    assert len(ours) == len(theirs) > 20
    assert ours[-1] != ours[0]
    assert ours == pytest.approx(theirs, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("name", ["tagging", "packed_sentiment", "names_by_a_hand_written_loop", "sine_series"])
def test_they_learn(name: str) -> None:
    losses, _ = trained(PROGRAMS[name])
    assert losses[-1] < 0.6 * losses[0]
