"""The small frozen records that the registries hold. They know nothing of torch, data or pages."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import CutoffError

Value = float | int | bool | str


@dataclass(frozen=True)
class Param:
    """One parameter of a registry entry: enough to draw its control, to check a value and to explain it.

    A number has `low` and `high` (both inclusive). A choice has `options`; with `free` it also takes text that
    its owner checks. `log` asks for a logarithmic control; `integer` restricts a number to whole values.
    """

    name: str
    label: str
    default: Value
    low: float | None = None
    high: float | None = None
    step: float | None = None
    options: tuple[str, ...] = ()
    help: str = ""
    log: bool = False
    integer: bool = False
    free: bool = False

    def check(self, value: object) -> Value:
        """Return `value` in this parameter's own type; raises CutoffError when it is outside the range."""
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise CutoffError(f"Expected `{self.name}` to be true or false, but got {value!r}.")
            return value
        if isinstance(self.default, str):
            if not isinstance(value, str) or not (self.free or value in self.options):
                raise CutoffError(f"Expected `{self.name}` to be one of {', '.join(self.options)}, but got {value!r}.")
            return value
        if isinstance(value, bool) or not isinstance(value, int | float) or not self._in_range(value):
            raise CutoffError(f"Expected `{self.name}` to be {self.range_text}, but got {value!r}.")
        return int(value) if self.integer else float(value)

    def parse(self, text: str) -> Value:
        """Read a value written as text, as in a URL; raises CutoffError like `check`."""
        if isinstance(self.default, str):
            return self.check(text)
        if isinstance(self.default, bool):
            return self.check({"true": True, "false": False}.get(text.lower(), text))
        try:
            return self.check(float(text))
        except ValueError:
            raise CutoffError(f"Expected `{self.name}` to be {self.range_text}, but got {text!r}.") from None

    def _in_range(self, value: float) -> bool:
        # Not math.isfinite, which overflows on a huge int; NaN compares false.
        if not abs(value) <= sys.float_info.max or (self.integer and value != int(value)):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    @property
    def range_text(self) -> str:
        """What a number has to be, as messages say it."""
        kind = "a whole number" if self.integer else "a number"
        if self.low is None or self.high is None:
            return kind
        form = ".0f" if self.integer else "g"
        return f"{kind} from {self.low:{form}} to {self.high:{form}}"


def checked(owner: str, params: tuple[Param, ...], given: Mapping[str, object]) -> dict[str, Value]:
    """The values given, checked, and defaults for the others; raises CutoffError for any that `owner` does not take."""
    known = {param.name: param for param in params}
    for name in given:
        if name not in known:
            raise CutoffError(f"Expected params of {owner} to be among {list(known)}, but got {name!r}.")
    return defaults(params) | {name: known[name].check(value) for name, value in given.items()}


def defaults(params: tuple[Param, ...]) -> dict[str, Value]:
    """The default of each parameter, by name."""
    return {param.name: param.default for param in params}
