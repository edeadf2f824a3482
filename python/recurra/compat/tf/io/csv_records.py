"""Lines of CSV as columns: ``tf.io.decode_csv``, and the files that ``tf.data.experimental`` reads."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from recurra.compat.tf.dtypes import DType, as_dtype
from recurra.compat.tf.errors import InvalidArgumentError
from recurra.compat.tf.strings import texts_of
from recurra.compat.tf.tensors import array_of, present

__all__ = ["Column", "columns_of", "decode_csv", "records_of"]


class Column(NamedTuple):
    """A column's type, and its value where a field is empty; None: it must not be empty."""

    dtype: Any
    default: Any


def column_of(default: Any) -> Column:
    """The column that a record default stands for: a value, a list or tensor of one or none, or a type."""
    if isinstance(default, (DType, type, np.dtype)):
        return Column(np.dtype(as_dtype(default)), None)
    array = array_of(default)
    if array.size > 1:
        raise ValueError(f"a record default must hold at most one value, got shape {array.shape}")
    return Column(array.dtype, array.reshape(-1)[0] if array.size else None)


def _value(field: str, column: Column, na_value: str, place: int, record: Any) -> Any:
    if field in ("", na_value):
        if column.default is None:
            raise InvalidArgumentError(f"field {place} is empty in the record {record!r}, and has no default")
        return column.default
    if column.dtype.kind == "O":
        return field.encode()
    try:
        value = column.dtype.type(field.strip())
        if column.dtype.kind in "iu" and value != int(field):  # numpy 1 cuts what does not fit
            raise OverflowError
        return value
    except (ValueError, OverflowError):
        raise InvalidArgumentError(
            f"field {place} must be a valid {column.dtype.name}, got {field!r} in the record {record!r}"
        ) from None


def columns_of(
    rows: Iterable[list[str]],
    columns: Sequence[Column],
    chosen: Sequence[int] | None = None,
    width: int | None = None,
    na_value: str = "",
    ignore_errors: bool = False,
) -> list[Any]:
    """An array for each column of rows of fields.

    chosen : the numbers of the fields that are read, None for all
    width : how many fields a row has
    ignore_errors : rows that cannot be read are left out
    """
    places = range(len(columns)) if chosen is None else chosen
    wanted = len(columns) if width is None else width
    found: list[list[Any]] = [[] for _ in columns]
    for row in rows:
        try:
            if len(row) != wanted and (chosen is None or width is not None or len(row) <= max(places)):
                raise InvalidArgumentError(f"a record must have {wanted} fields, got {len(row)}: {row!r}")
            values = [_value(row[at], column, na_value, at, row) for at, column in zip(places, columns, strict=True)]
        except InvalidArgumentError:
            if ignore_errors:
                continue
            raise
        for kept, value in zip(found, values, strict=True):
            kept.append(value)
    arrays = []
    for kept, column in zip(found, columns, strict=True):
        array = np.empty(len(kept), column.dtype)
        array[:] = kept
        arrays.append(array)
    return arrays


def records_of(lines: Iterable[str], field_delim: str = ",", use_quote_delim: bool = True) -> Iterator[list[str]]:
    """The fields of each record; a quoted field may hold the delimiter, and line ends."""
    quoting: Any = csv.QUOTE_MINIMAL if use_quote_delim else csv.QUOTE_NONE
    return (row for row in csv.reader(lines, delimiter=field_delim, quoting=quoting) if row)


def rows_of_file(
    path: str, compression: str = "", encoding: str = "utf-8", field_delim: str = ",", use_quote_delim: bool = True
) -> Iterator[list[str]]:
    """The records of a file, compressed as TFRecord files are."""
    if compression == "ZLIB":
        with open(path, "rb") as packed:
            text = zlib.decompress(packed.read()).decode(encoding)
        yield from records_of(text.splitlines(True), field_delim, use_quote_delim)
        return
    opener: Any = gzip.open if compression == "GZIP" else open
    with opener(path, "rt", encoding=encoding, newline="") as file:
        yield from records_of(file, field_delim, use_quote_delim)


def decode_csv(
    records: Any,
    record_defaults: Any,
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    select_cols: Any = None,
    name: str | None = None,
) -> Any:
    """A tensor for each column of records (texts): their shape, the types of `record_defaults`.

    record_defaults : for each column what an empty field stands for; an empty tensor where none may be empty
    na_value : another text for an empty field
    select_cols : the numbers of the columns that are read
    raises : tf.errors.InvalidArgumentError where a field is missing or no number
    """
    texts = texts_of(records)
    lines = [text.decode() for text in texts.reshape(-1)]
    rows = (next(records_of([line], field_delim, use_quote_delim), [""]) for line in lines)
    columns = [column_of(one) for one in record_defaults]
    chosen = None if select_cols is None else [int(place) for place in select_cols]
    if chosen is not None and len(chosen) != len(columns):
        raise ValueError(f"record_defaults must have one for each of {len(chosen)} select_cols, got {len(columns)}")
    return [present(array.reshape(texts.shape)) for array in columns_of(rows, columns, chosen, None, na_value)]
