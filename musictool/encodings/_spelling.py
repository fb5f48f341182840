"""How an encoding with a learned vocabulary writes its words: as bytes to count and look up, as text to read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from musictool.errors import BadModel


class Spelling(ABC):
    """The words that an encoding makes under its options.

    Attributes:
        name: the encoding's.
        always: the words that every vocabulary has, whatever the corpus.
    """

    name: str
    always: tuple[bytes, ...] = ()

    @abstractmethod
    def symbol(self, word: bytes) -> str:
        """The text of a canonical word."""

    @abstractmethod
    def read(self, symbol: str) -> bytes:
        """The word of a text; anything, or ValueError, for a text that `symbol` never gives."""

    @abstractmethod
    def transpose(self, words: Sequence[bytes], semitones: int) -> list[bytes]:
        """Canonical words `semitones` higher; pitches that leave the encoding's own by octaves."""

    def canonical(self, word: bytes) -> bytes:
        """The one word that stands for all that have the same text."""
        return word

    def word(self, symbol: str) -> bytes:
        """The canonical word of a text. Raises BadModel for one that these options never make."""
        try:
            word = self.read(symbol)
            if self.canonical(word) == word and self.symbol(word) == symbol:
                return word
        except ValueError:
            pass
        raise BadModel(f"the vocabulary does not fit: '{symbol}' is no symbol of {self.name} with these options")
