"""Asking the user whether code of other people, or code that has changed, may run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from engine.contract.errors import BadInput
from engine.contract.run.own_code import Untrusted
from engine.contract.text import clean

T = TypeVar("T")


def agreed(work: Callable[[bool], T], trust: bool) -> T:
    """The result of `work(trust)`; on a terminal the user is asked where `work` meets code that is not trusted.

    Args:
        work: takes whether code that is another user's, or has changed, may run; raises Untrusted where it may not.
        trust: the user has agreed already, by `--trust-parts`.

    Raises:
        Untrusted: there is nobody to ask.
        BadInput: the user said no.
    """
    try:
        return work(trust)
    except Untrusted as error:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        for line in error.problems[:-1]:
            typer.echo(clean(line), err=True)
        if not typer.confirm("Run this code?", default=False, err=True):
            raise BadInput(error.problems) from None
        return work(True)
