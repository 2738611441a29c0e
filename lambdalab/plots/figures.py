"""The key figures of a run stand with the books: :mod:`lambdalab.trace.figures`."""

from lambdalab.trace.figures import key_figures

__all__ = ["key_figures"]
