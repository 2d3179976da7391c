"""TF-IDF over character n-grams, from postings: plain arrays that can be kept on disk."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_KEPT_BYTES = 32 << 20  # of products of words


class Postings(NamedTuple):
    """The weighted n-grams of many texts, by n-gram; equal texts are kept once.

    Attributes
    ----------
    ngrams : tuple of str, length n_ngrams
        Sorted by code points.
    idf : ndarray of float32, shape (n_ngrams,)
        Inverse document frequency, 1 and up; every text counts, equal ones too.
    starts : ndarray of int64, shape (n_ngrams + 1,)
        Where the postings of each n-gram begin, and where the last one's end.
    distinct : ndarray of int64, shape (n_postings,)
        The distinct text that has the n-gram, rising within one n-gram.
    weights : ndarray of float32, shape (n_postings,)
        What the n-gram weighs in that text; the squares of a text's weights sum to 1.
    position : ndarray of int64, shape (n_texts,)
        The distinct text that each text is.
    """

    ngrams: tuple[str, ...]
    idf: NDArray[np.float32]
    starts: NDArray[np.int64]
    distinct: NDArray[np.int64]
    weights: NDArray[np.float32]
    position: NDArray[np.int64]


def build_postings(texts: Sequence[str], ngram_range: tuple[int, int]) -> Postings:
    """Count the n-grams of some texts and weigh them.

    Parameters
    ----------
    texts : sequence of str, length n_texts
    ngram_range : tuple of int
        Shortest and longest n-gram, within word borders.
    """
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    position = np.array([numbers[text] for text in texts], dtype=np.int64)
    n_equal = np.bincount(position, minlength=len(numbers))
    found = [list(ngrams_of(text, ngram_range)) for text in numbers]
    ngrams = tuple(sorted(set(chain.from_iterable(found))))
    column = {ngram: number for number, ngram in enumerate(ngrams)}
    lengths = [len(of_text) for of_text in found]
    text_of = np.repeat(np.arange(len(found), dtype=np.int64), lengths)
    ngram_of = np.array([column[ngram] for ngram in chain.from_iterable(found)], dtype=np.int64)
    pairs, counts = np.unique(ngram_of * max(len(found), 1) + text_of, return_counts=True)
    ngram, distinct = np.divmod(pairs, max(len(found), 1))
    frequency = np.bincount(ngram, weights=n_equal[distinct], minlength=len(ngrams))
    idf = _idf(frequency.astype(np.float32), len(texts))
    return Postings(
        ngrams=ngrams,
        idf=idf,
        starts=np.searchsorted(ngram, np.arange(len(ngrams) + 1)).astype(np.int64),
        distinct=distinct,
        weights=_unit_length(counts.astype(np.float32) * idf[ngram], distinct, len(found)),
        position=position,
    )


class _Word(NamedTuple):
    """What one word adds to the comparison of a text with every indexed text.

    Attributes
    ----------
    columns : ndarray of int64
        Its n-grams that some indexed text has, as often as the word has them.
    products : ndarray of float32, shape (n_distinct,)
        Sum of the products of their idf with what they weigh in each distinct text.
    """

    columns: NDArray[np.int64]
    products: NDArray[np.float32]


class NgramIndex:
    """Cosines of one text with many.

    Equal, but for rounding in the last places of a float32, to scikit-learn's
    ``TfidfVectorizer`` with ``analyzer="char_wb"`` and the product of its sparse matrices. No
    n-gram reaches over a blank, so that the cosine of a text is a sum over its words: what a word
    adds is computed once. The words are added in sorted order, so that a cosine depends neither
    on the other texts that are asked nor on the order of words.

    Parameters
    ----------
    postings : Postings
    ngram_range : tuple of int
        As the postings were built.

    Notes
    -----
    Source: Salton and Buckley (1988), "Term-weighting approaches in automatic text retrieval";
    smooth idf and l2 norm as in scikit-learn, "6.2.3.4. Tf-idf term weighting".
    """

    def __init__(self, postings: Postings, ngram_range: tuple[int, int]) -> None:
        self.postings = postings
        self._ngram_range = ngram_range
        self._column = {ngram: number for number, ngram in enumerate(postings.ngrams)}
        self._n_distinct = int(postings.position.max(initial=-1)) + 1
        self._n_kept = _KEPT_BYTES // max(1, self._n_distinct * np.dtype(np.float32).itemsize)
        self._words: dict[str, _Word] = {}

    def cosines(self, text: str) -> NDArray[np.float32]:
        """Return the cosine of a text with each indexed text.

        Returns
        -------
        ndarray of float32, shape (n_texts,)
            In [0, 1] but for rounding.
        """
        words = [self._word(word) for word in sorted(text.lower().split())]
        sums = np.zeros(self._n_distinct, dtype=np.float32)
        for word in words:
            sums += word.products
        columns = np.concatenate([np.empty(0, np.int64), *(word.columns for word in words)])
        if len(columns):
            ngrams, counts = np.unique(columns, return_counts=True)
            sums /= np.sqrt(np.square(counts * self.postings.idf[ngrams]).sum())
        return sums[self.postings.position]

    def _word(self, word: str) -> _Word:
        kept = self._words.get(word)
        if kept is None:
            if len(self._words) >= self._n_kept:
                self._words.clear()
            kept = self._words[word] = self._compare(word)
        return kept

    def _compare(self, word: str) -> _Word:
        postings, column = self.postings, self._column
        known = [column[ngram] for ngram in ngrams_of(word, self._ngram_range) if ngram in column]
        sums = np.zeros(self._n_distinct, dtype=np.float64)
        for ngram in known:
            run = slice(postings.starts[ngram], postings.starts[ngram + 1])
            sums[postings.distinct[run]] += postings.idf[ngram] * postings.weights[run]
        return _Word(np.array(known, dtype=np.int64), sums.astype(np.float32))


def ngrams_of(text: str, ngram_range: tuple[int, int]) -> Iterator[str]:
    """Yield the n-grams of each word of a text in lower case, one blank before and behind it.

    A word that is not longer than an n-gram gives itself, once.
    """
    shortest, longest = ngram_range
    for word in text.lower().split():
        padded = f" {word} "
        for n_letters in range(shortest, longest + 1):
            last = max(len(padded) - n_letters, 0)
            for start in range(last + 1):
                yield padded[start : start + n_letters]
            if last == 0:
                break


def _idf(frequency: NDArray[np.float32], n_texts: int) -> NDArray[np.float32]:
    inverse = np.float32(n_texts + 1) / (frequency + np.float32(1))
    idf: NDArray[np.float32] = np.log(inverse) + np.float32(1)
    return idf


def _unit_length(
    weights: NDArray[np.float32], text_of: NDArray[np.int64], n_texts: int
) -> NDArray[np.float32]:
    """Divide the weights of each text by their Euclidean norm.

    The squares are float32 and their sum is float64: it is exact, whatever the order.
    """
    norms = np.sqrt(np.bincount(text_of, weights=weights * weights, minlength=n_texts))
    scaled: NDArray[np.float32] = (weights / norms[text_of]).astype(np.float32)
    return scaled
