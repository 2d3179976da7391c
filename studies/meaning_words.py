"""What a weight does, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from objectives.weight_effects import WeightEffect


def sentence(effect: WeightEffect) -> str:
    """Say how far a weight may move, what is lost without it, and what is dangerous."""
    low, high = effect.within_noise
    head = f"{effect.name} {effect.value:.3f}: "
    dangers = more_dangerous(effect)
    if effect.has_effect:
        parts = [_how_far(effect), *([dangers] if dangers else []), _without(effect)]
        return head + "; ".join(parts) + "."
    verdict = (
        f"it has no effect on the objective, but {dangers}" if dangers else "it has no effect here"
    )
    return (
        f"{head}nothing changes measurably between {low:.3f} and {high:.3f}, and without it "
        f"nothing is lost: {verdict}."
    )


def more_dangerous(effect: WeightEffect) -> str:
    """Say where critical errors become more frequent though the objective is as good.

    Returns
    -------
    str
        Empty when they become so nowhere.
    """
    (low, high), (safe_low, safe_high) = effect.within_noise, effect.as_safe
    words = []
    if safe_low > low:
        words.append(f"below {safe_low:.3f}")
    if safe_high < high:
        words.append(f"above {safe_high:.3f}")
    return f"more critical errors {' and '.join(words)}" if words else ""


def _how_far(effect: WeightEffect) -> str:
    low, high = effect.within_noise
    words = (
        f"anything from {low:.3f} to {high:.3f} is as good"
        if low < high
        else "the least change is measurable"
    )
    if effect.best:
        words += f", {effect.best.at:.3f} is better by {_points(effect.best.gain)}"
    return words


def _without(effect: WeightEffect) -> str:
    if effect.value == 0:
        return "it is 0 already"
    words = "without it nothing is lost measurably"
    if effect.is_missed:
        words = f"without it {_points(effect.lost_without)} are lost"
    elif effect.lost_without < -effect.noise_without:
        words = f"without it {_points(-effect.lost_without)} are won"
    more = [f"{kind} {n:+d}" for kind, n in effect.critical_without.items()]
    return f"{words} (critical errors: {', '.join(more)})" if more else words


def _points(share: float) -> str:
    return f"{100 * share:.2f} points"
