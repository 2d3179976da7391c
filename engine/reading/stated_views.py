"""The projection that a name states, where it states one."""

from __future__ import annotations

_PROJECTIONS = frozenset(
    {
        "anteroposterior view",
        "posteroanterior view",
        "lateral view",
        "oblique view",
        "axial view",
        "dorsoplantar view",
    }
)


def one_view(technique: frozenset[str]) -> frozenset[str]:
    """Leave out projections where there are several: the examination is none of them alone."""
    stated = technique & _PROJECTIONS
    return technique - stated if len(stated) > 1 else technique
