from __future__ import annotations

import uuid

import numpy as np
import pytest

from nikdev_iot.model.values import Kind
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.query.aggregates import SCALE, Aggregate, Edges, Partial
from nikdev_iot.server.query.finish import finish
from nikdev_iot.server.query.table import split_origin

HIGH, LOW = split_origin(uuid.UUID(int=7))


def edges(times, data, dtype):
    count = len(times)
    return Edges(
        np.array(times),
        np.full(count, HIGH, dtype=np.uint64),
        np.full(count, LOW, dtype=np.uint64),
        np.arange(count),
        np.array(data, dtype=dtype),
    )


def whole(starts, sums, counts):
    return Partial(
        starts=np.array(starts),
        counts=np.array(counts),
        high_sums=np.array([value >> 32 for value in sums]),
        low_sums=np.array([value & 0xFFFF_FFFF for value in sums]),
        lows=np.array([-1] * len(sums)),
        highs=np.array([1] * len(sums)),
    )


def test_sums_of_ints_become_an_array_while_they_fit_in_64_bits():
    sums = [2**63 - 1, -(2**63), 5]
    values = finish("a", {Kind.INT: whole([0, 1, 2], sums, [1, 1, 1])}, [Aggregate.SUM]).values[Aggregate.SUM]
    assert isinstance(values, np.ndarray)
    assert values.tolist() == sums
    beyond = finish("a", {Kind.INT: whole([0], [2**63], [2])}, [Aggregate.SUM]).values[Aggregate.SUM]
    assert beyond == [2**63]


def test_of_equal_values_a_float_comes_before_an_int_before_a_bool():
    def part(dtype):
        one = np.array([1], dtype=dtype)
        return Partial(starts=np.array([0]), counts=np.array([1]), lows=one, highs=one)

    kinds = {Kind.BOOL: part(bool), Kind.FLOAT: part(float), Kind.INT: part(np.int64)}
    series = finish("a", kinds, [Aggregate.MIN, Aggregate.MAX])
    assert [type(values[0]) for values in series.values.values()] == [float, float]
    del kinds[Kind.FLOAT]
    series = finish("a", kinds, [Aggregate.MIN, Aggregate.MAX])
    assert [type(values[0]) for values in series.values.values()] == [int, int]


def test_values_of_several_kinds_are_compared_exactly():
    # As floats, both are 2**53.
    low = Partial(starts=np.array([0]), counts=np.array([1]), lows=np.array([2.0**53]), highs=np.array([2.0**53]))
    high = Partial(starts=np.array([0]), counts=np.array([1]), lows=np.array([2**53 + 1]), highs=np.array([2**53 + 1]))
    series = finish("a", {Kind.FLOAT: low, Kind.INT: high}, [Aggregate.MIN, Aggregate.MAX])
    assert series.values == {Aggregate.MIN: [2.0**53], Aggregate.MAX: [2**53 + 1]}


def test_buckets_of_several_kinds_stand_in_order():
    texts = Partial(starts=np.array([0, 20]), counts=np.array([2, 1]), first=edges([3, 25], ["x", "y"], object))
    ints = Partial(starts=np.array([10, 20]), counts=np.array([1, 4]), first=edges([12, 21], [7, 8], np.int64))
    series = finish("a", {Kind.TEXT: texts, Kind.INT: ints}, [Aggregate.COUNT, Aggregate.FIRST])
    assert series.starts.tolist() == [0, 10, 20]
    assert series.values == {Aggregate.COUNT: [2, 1, 5], Aggregate.FIRST: ["x", 7, 8]}


def test_a_scaled_sum_beyond_a_float64_names_field_and_bucket():
    part = Partial(
        starts=np.array([0, 60_000_000]), counts=np.array([1, 2]), totals=np.array([1.0, 2.0**1000]), is_scaled=True
    )
    with pytest.raises(Invalid, match="'t' in the bucket 1970-01-01T00:01:00Z"):
        finish("t", {Kind.FLOAT: part}, [Aggregate.SUM])
    means = finish("t", {Kind.FLOAT: part.until(0)}, [Aggregate.MEAN]).values[Aggregate.MEAN]
    assert list(means) == [1 / SCALE]
