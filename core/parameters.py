"""Parameters of registry entries: their ranges, defaults and checks. Imports nothing but the error type."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import CutoffError

Value = float | int | bool | str
MANTISSAS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)  # of the stops in a decade


@dataclass(frozen=True)
class Param:
    """One parameter of a registry entry: everything needed to draw its control, check a value and explain it.

    Parameters
    ----------
    name : identifier, as in a configuration or a link.
    label : text of its control.
    default : the default value. Its type (bool, str or number) is the type of the parameter.
    low, high : range of a number, low <= value <= high.
    step : step of the control.
    options : the allowed values of a text parameter.
    help : one sentence for the tooltip.
    log : whether the control is logarithmic.
    integer : whether a number must be a whole number.
    free : whether other text than `options` is allowed too; the owner of the parameter then validates it.
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
        """Validate a value and convert it to this parameter's type.

        Returns
        -------
        value : bool, str, int or float.

        Raises
        ------
        CutoffError
            If the value has the wrong type or is out of range.
        """
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
        """Parse a value from text, such as a URL; raises CutoffError like `check`."""
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

    def stops(self, *others: float) -> list[float]:
        """Values of a number with a range and a step for a slider, ascending: `others` among evenly spaced ones or, if
        `log`, some per decade."""
        assert self.low is not None
        assert self.high is not None
        assert self.step is not None
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            found = [float(f"{mantissa}e{decade}") for decade in decades for mantissa in MANTISSAS]
        else:
            count = round((self.high - self.low) / self.step)
            found = [round(self.low + place * self.step, 10) for place in range(count + 1)]
        return sorted({value for value in (*found, *others) if self.low <= value <= self.high})

    @property
    def range_text(self) -> str:
        """The allowed numbers, as shown in error messages: "a number from 0 to 1"."""
        kind = "a whole number" if self.integer else "a number"
        if self.low is None or self.high is None:
            return kind
        form = ".0f" if self.integer else "g"
        return f"{kind} from {self.low:{form}} to {self.high:{form}}"


def checked(owner: str, params: tuple[Param, ...], given: Mapping[str, object]) -> dict[str, Value]:
    """Validate the given values and fill in the defaults of the others.

    Parameters
    ----------
    owner : name used in the error message.
    params : the parameters that the owner has.
    given : values by parameter name.

    Returns
    -------
    values : a value for each parameter, by name.

    Raises
    ------
    CutoffError
        If `given` has an unknown name or an invalid value.
    """
    known = {param.name: param for param in params}
    for name in given:
        if name not in known:
            raise CutoffError(f"Expected params of {owner} to be among {list(known)}, but got {name!r}.")
    return defaults(params) | {name: known[name].check(value) for name, value in given.items()}


def defaults(params: tuple[Param, ...]) -> dict[str, Value]:
    """The default of each parameter, by name."""
    return {param.name: param.default for param in params}
