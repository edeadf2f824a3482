"""``tf.data.experimental``: datasets of CSV files. A file is read whole, when its dataset is made."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any

import numpy as np

from recurra.compat.tf.data.dataset import Dataset
from recurra.compat.tf.io import gfile, path_of
from recurra.compat.tf.io.csv_records import Column, column_of, columns_of, rows_of_file
from recurra.compat.tf.io.records import kind_of
from recurra.compat.tf.tensors import array_of

_NUMBERS = ("int32", "int64", "float32", "float64")


def CsvDataset(
    filenames: Any,
    record_defaults: Any,
    compression_type: Any = None,
    buffer_size: Any = None,
    header: bool = False,
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    select_cols: Any = None,
    exclude_cols: Any = None,
) -> Dataset:
    """The records of CSV files, each a tuple of numbers and texts.

    record_defaults : for each column its type, or what an empty field stands for
    header : the first line of each file is left out
    select_cols : the numbers of the columns that are read
    """
    if exclude_cols is not None:
        raise ValueError("exclude_cols must be None here: name the columns that are read by select_cols")
    paths = filenames if isinstance(filenames, (list, tuple)) else np.ravel(array_of(filenames)).tolist()
    kind = kind_of(compression_type)
    read = [rows_of_file(path_of(path), kind, "utf-8", field_delim, use_quote_delim) for path in paths]
    rows = chain.from_iterable(islice(one, int(header), None) for one in read)
    columns = [column_of(one) for one in record_defaults]
    return Dataset.from_tensor_slices(tuple(columns_of(rows, columns, select_cols, None, na_value)))


def make_csv_dataset(
    file_pattern: Any,
    batch_size: int,
    column_names: Any = None,
    column_defaults: Any = None,
    label_name: str | None = None,
    select_columns: Any = None,
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    header: bool = True,
    num_epochs: int | None = None,
    shuffle: bool = True,
    shuffle_buffer_size: int = 10000,
    shuffle_seed: int | None = None,
    prefetch_buffer_size: Any = None,
    num_parallel_reads: Any = None,
    sloppy: bool = False,
    num_rows_for_inference: int | None = 100,
    compression_type: Any = None,
    ignore_errors: bool = False,
    encoding: str = "utf-8",
) -> Dataset:
    """Batches of the records of CSV files, as dicts of columns; with `label_name` pairs of such a dict and that column.

    file_pattern : paths or patterns of paths
    column_names : where the files have no header; else their first line
    column_defaults : for each column its type or what an empty field stands for; else the narrowest type that holds the
        first `num_rows_for_inference` records
    select_columns : names or numbers of the columns that are read
    num_epochs : how often the records come; None: without end, in full batches alone
    """
    patterns = file_pattern if isinstance(file_pattern, (list, tuple)) else [file_pattern]
    paths = gfile.glob([path_of(one) for one in patterns])
    if not paths:
        raise ValueError(f"file_pattern: no file matches {file_pattern!r}")
    kind = kind_of(compression_type)

    def rows(path: str) -> Any:
        return rows_of_file(path, kind, encoding, field_delim, use_quote_delim)

    if column_names is None and not header:
        raise ValueError("column_names must be given where header=False")
    names = list(next(rows(paths[0]), []) if column_names is None else column_names)
    if len(set(names)) < len(names):
        raise ValueError(f"the names of columns must differ, got {names}")
    for path in paths[1:] if column_names is None else []:
        if list(next(rows(path), [])) != names:
            raise ValueError(f"all files must have the columns {names}; {path} has others")
    width, chosen = len(names), list(range(len(names)))
    if select_columns is not None:
        chosen = sorted(names.index(one) if isinstance(one, str) else int(one) for one in select_columns)
        names = [names[place] for place in chosen]
    if label_name is not None and label_name not in names:
        raise ValueError(f"label_name must be one of the columns {names}, got {label_name!r}")
    records = list(chain.from_iterable(islice(rows(path), int(header), None) for path in paths))
    if column_defaults is None:
        seen = [row for row in records[:num_rows_for_inference] if len(row) == width]
        columns = [_column_for((row[place] for row in seen), na_value) for place in chosen]
    else:
        columns = [column_of(one) for one in column_defaults]
        if len(columns) != len(chosen):
            raise ValueError(f"column_defaults must have one for each of {len(chosen)} columns, got {len(columns)}")
    arrays = columns_of(records, columns, chosen, width, na_value, ignore_errors)
    features = dict(zip(names, arrays, strict=True))
    label = None if label_name is None else features.pop(label_name)
    made = Dataset.from_tensor_slices(features if label_name is None else (features, label))
    if shuffle:
        made = made.shuffle(shuffle_buffer_size, shuffle_seed)
    if num_epochs != 1:
        made = made.repeat(num_epochs)
    return made.batch(batch_size, drop_remainder=num_epochs is None)


def _column_for(fields: Any, na_value: str) -> Column:
    """The narrowest type that holds all of a column's fields, with its zero for an empty field."""
    least = 0
    for field in fields:
        while field not in ("", na_value) and least < len(_NUMBERS) and not _fits(field, _NUMBERS[least]):
            least += 1
    if least < len(_NUMBERS):
        kind = np.dtype(_NUMBERS[least])
        return Column(kind, kind.type(0))
    return Column(np.dtype(object), b"")


def _fits(field: str, kind: str) -> bool:
    try:
        with np.errstate(over="ignore"):
            number = np.dtype(kind).type(field)
    except (ValueError, OverflowError):
        return False
    return bool(number < np.inf) if kind.startswith("float") else int(number) == int(field)
