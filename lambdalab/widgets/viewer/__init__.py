"""The trace viewer: Python turns a trace into sorted arrays once, ``viewer.js`` draws them."""

from lambdalab.widgets.viewer.widget import TraceViewer

__all__ = ["TraceViewer"]
