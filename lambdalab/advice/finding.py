"""What ``lab.check()`` returns: advice, the rule it rests on, and the small lab that shows the trouble."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from lambdalab.errors import UnknownName
from lambdalab.trace import Trace
from lambdalab.trace.finding import Finding
from lambdalab.trace.findings import Findings
from lambdalab.trace.words import times

_WIDTH, _INDENT = 96, "    "


@dataclass(frozen=True)
class Example:
    """A counter-example: a small lab of its own, with the settings that the advice is about.

    Attributes: ``told``, what was simulated, in a sentence; ``proof``, a short table, with the settings
    as they are and as advised; ``trace``, what happened with them as they are, ``mended``, as advised
    (None where there was nothing to run).
    """

    told: str
    proof: pd.DataFrame
    trace: Trace
    mended: Trace | None = None

    def __repr__(self) -> str:
        return f"{_filled(self.told)}\n{self.proof.to_string(index=False)}"

    def _repr_html_(self) -> str:
        return f"<div>{html.escape(self.told)}{self.proof.to_html(index=False)}</div>"


def _filled(line: str, indent: str = "") -> str:
    """A sentence on several lines; a name with hyphens stays whole."""
    return textwrap.fill(line, _WIDTH, subsequent_indent=indent, break_on_hyphens=False)


@dataclass(frozen=True, repr=False)
class Advice(Finding):
    """One finding about the wiring.

    Beside what every :class:`~lambdalab.trace.finding.Finding` has (``kind``, ``subject``, ``advice``,
    ``rows``): ``rule``, what AWS says and where; ``example``, the counter-example; ``severity``,
    ``"error"`` for what goes wrong on a usual day, ``"warning"`` for what does on a bad one.
    """

    rule: str
    example: Example
    severity: str = "error"

    @classmethod
    def of(
        cls,
        kind: str,
        subject: str,
        advice: str,
        rule: str,
        example: Example,
        severity: str = "error",
    ) -> Advice:
        """A finding whose rows are the proof of its example."""
        return cls(kind, subject, advice, example.proof, rule, example, severity)

    @property
    def proof(self) -> pd.DataFrame:
        """The short table that shows the trouble."""
        return self.example.proof

    @property
    def trace(self) -> Trace:
        """Everything that happened in the small lab, with the settings as they are."""
        return self.example.trace

    @property
    def title(self) -> str:
        """Kind and subject, and whether it is a warning only."""
        warning = " (warning)" if self.severity == "warning" else ""
        return f"{self.kind} · {self.subject}{warning}"

    def __repr__(self) -> str:
        told = (f"{self.title}: {self.advice}", f"rule: {self.rule}")
        return f"\n{_INDENT}".join(_filled(line, _INDENT) for line in told)

    def _repr_html_(self) -> str:
        return f"<div>{_item(self)}{self.example._repr_html_()}</div>"


@dataclass(frozen=True)
class Looked:
    """How a check went: how many rules it looked at, and what it could not look at, and why."""

    rules: int
    left_out: tuple[str, ...] = field(default=())


class Checked(Findings):
    """The findings of one check; a tuple that shows itself as a list.

    ``looked`` tells how many rules were looked at, and what could not be decided.
    """

    looked: Looked

    @classmethod
    def of(cls, found: Iterable[Finding], rules: int, left_out: Sequence[str]) -> Checked:
        """These findings, of so many rules."""
        made = cls(found)
        made.looked = Looked(rules, tuple(left_out))
        return made

    @property
    def kinds(self) -> list[str]:
        """The kind of each finding."""
        return [found.kind for found in self]

    def first(self, kind: str) -> Advice:
        """The first finding of a kind. Raises :class:`~lambdalab.errors.UnknownName`: there is none."""
        for found in self:
            if found.kind == kind and isinstance(found, Advice):
                return found
        raise UnknownName("finding", kind, self.kinds)

    def frame(self) -> pd.DataFrame:
        """A row for each finding: severity, kind, subject, rule and advice."""
        columns = ("severity", "kind", "subject", "rule", "advice")
        rows = [[getattr(found, name, "") for name in columns] for found in self]
        return pd.DataFrame(rows, columns=list(columns))

    def _head(self) -> str:
        looked = f"{times(self.looked.rules, 'rule')} looked at"
        if not self:
            return f"nothing found: {looked}"
        shown = "shown by a run" if len(self) == 1 else "each shown by a run"
        return f"{times(len(self), 'finding')}: {looked}, {shown} (.example)"

    def _tail(self) -> list[str]:
        return [f"not decided: {what}" for what in self.looked.left_out]

    def __repr__(self) -> str:
        listed = [f"{number:>2}. {found!r}" for number, found in enumerate(self, start=1)]
        return "\n".join(
            [self._head(), *listed, *(_filled(line, _INDENT) for line in self._tail())]
        )

    def _repr_html_(self) -> str:
        items = "".join(f'<li style="margin-bottom: 0.5em">{_item(found)}</li>' for found in self)
        tail = "".join(f"<p>{html.escape(line)}</p>" for line in self._tail())
        listed = f"<ol>{items}</ol>" if items else ""
        return f"<div><p>{html.escape(self._head())}</p>{listed}{tail}</div>"


def _item(found: Finding) -> str:
    title = getattr(found, "title", f"{found.kind} · {found.subject}")
    told = f"<b>{html.escape(title)}</b>: {html.escape(found.advice)}"
    return f"{told}<br><i>rule: {html.escape(getattr(found, 'rule', ''))}</i>"
