"""TF-IDF over character n-grams, from postings: plain arrays that can be kept on disk."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


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


class NgramIndex:
    """Cosines of one text with many.

    Equal, bit for bit, to scikit-learn's ``TfidfVectorizer`` with ``analyzer="char_wb"`` and
    ``dtype=float32`` and the product of its sparse matrices: a cosine is the sum of the products
    of weights in the order of the n-grams, each sum in float32. So it depends neither on the
    other texts that are asked nor on how the postings came about.

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

    def cosines(self, text: str) -> NDArray[np.float32]:
        """Return the cosine of a text with each indexed text.

        Returns
        -------
        ndarray of float32, shape (n_texts,)
            In [0, 1] but for rounding.
        """
        postings, column = self.postings, self._column
        known = [column.get(ngram, -1) for ngram in ngrams_of(text, self._ngram_range)]
        counted = Counter(known)
        del counted[-1]  # unknown to every indexed text
        ngrams = np.array(sorted(counted), dtype=np.int64)
        counts = np.array([counted[ngram] for ngram in ngrams.tolist()], dtype=np.float32)
        weights = _unit_length(counts * postings.idf[ngrams], np.zeros_like(ngrams), 1)
        sums = np.zeros(self._n_distinct, dtype=np.float32)
        starts, ends = postings.starts[ngrams], postings.starts[ngrams + 1]
        runs = [slice(*run) for run in zip(starts.tolist(), ends.tolist(), strict=True)]
        if runs:
            products = np.concatenate([postings.weights[run] for run in runs])
            products *= np.repeat(weights, ends - starts)
            # adds one product after the other, in float32; bincount would add in float64
            np.add.at(sums, np.concatenate([postings.distinct[run] for run in runs]), products)
        return sums[postings.position]


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
