"""Tables from files, recognised by their content and not by their names.

`read_table` reads CSV and other separated text, Parquet, Arrow and NumPy archives. Nothing is unpickled.
"""

from core.data.tables.formulas import escaped
from core.data.tables.reading import TYPES, read_table
from core.data.tables.table import Table, checked, listed, name_label

__all__ = ["TYPES", "Table", "checked", "escaped", "listed", "name_label", "read_table"]
