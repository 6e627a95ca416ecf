"""Tables to train on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from core.data.tables import Table
from core.data.tables.table import checked


def table_of(**columns: object) -> Table:
    """A table of these columns as a file would be read."""
    return checked(pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False))


def churn(rows: int = 400, seed: int = 0) -> Table:
    """Customers, of whom one in four leaves: numbers, categories and dates, some missing, an id, a constant, hardly
    anything, and `refund`, which is paid to those who leave."""
    rng = np.random.default_rng(seed)
    leaves = rng.permutation(np.arange(rows) % 4 == 0)
    age = rng.normal(40, 10, rows) + 8 * leaves
    return table_of(
        customer=np.arange(1_000, 1_000 + rows),
        age=np.where(rng.random(rows) < 0.1, np.nan, age),
        region=rng.choice(["north", "south", "east"], rows),
        joined=pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 2_000, rows), "D"),
        country="NL",
        remark=["called", *[None] * (rows - 1)],
        refund=np.where(leaves, 1 + rng.random(rows), 0),
        churn=np.where(leaves, "yes", "no"),
    )
