"""Raw scores of boosted trees for a few rows at once, where the request path waits for them.

`Booster.predict` spends most of such a call on preparing it: here the rows go to LightGBM's C interface as they are
(`LGBM_BoosterPredictForMat`, float64, row-major), and very few of them through a call that was prepared once
(`LGBM_BoosterPredictForMatSingleRowFast`, which holds a lock of its own). Knows trees and rows; knows nothing of what
they mean.
"""

import ctypes
import math
import weakref
from typing import Any

import lightgbm as lgb
import numpy as np

_FLOAT64, _ROW_MAJOR, _RAW_SCORE, _FROM_START, _ALL = (ctypes.c_int(x) for x in (1, 1, 1, 0, -1))
_ONE_THREAD = ctypes.c_char_p(b"num_threads=1")
_FEW = 4  # rows; one at a time, these are quicker than together


class Trees:
    """Share one between threads: a booster is only read here."""

    def __init__(self, booster: lgb.Booster) -> None:
        self.booster = booster
        # The handle is not part of the Python package's documented surface: without it, the slower way serves.
        self._library, self._handle = getattr(lgb.basic, "_LIB", None), getattr(booster, "_handle", None)
        self._features, self._outputs = booster.num_feature(), booster.num_model_per_iteration()
        self._prepared = self._prepare()

    def raw_scores(self, rows: np.ndarray) -> np.ndarray:
        """Sums of leaves for `rows` (n, features): (n,), or (n, classes). Raises ValueError for another shape."""
        if rows.ndim != 2 or rows.shape[1] != self._features:
            raise ValueError(f"rows of shape {rows.shape} do not fit trees of {self._features} features")
        if self._library is None or self._handle is None or not len(rows):
            return self._slowly(rows)
        rows = np.ascontiguousarray(rows, np.float64)
        shape = (len(rows),) if self._outputs == 1 else (len(rows), self._outputs)
        found, count = np.empty(math.prod(shape)), ctypes.c_int64()
        if self._prepared is not None and len(rows) <= _FEW:
            return self._slowly(rows) if self._one_by_one(self._library, rows, found) else found.reshape(shape)
        failed = self._library.LGBM_BoosterPredictForMat(
            self._handle, ctypes.c_void_p(rows.ctypes.data), _FLOAT64, ctypes.c_int32(rows.shape[0]),
            ctypes.c_int32(rows.shape[1]), _ROW_MAJOR, _RAW_SCORE, _FROM_START, _ALL, _ONE_THREAD,
            ctypes.byref(count), ctypes.c_void_p(found.ctypes.data),
        )  # fmt: skip
        return self._slowly(rows) if failed or count.value != found.size else found.reshape(shape)

    def _prepare(self) -> ctypes.c_void_p | None:
        """A call for one row, ready to be made many times; None where this LightGBM has none."""
        if self._library is None or self._handle is None:
            return None
        prepared = ctypes.c_void_p()
        failed = self._library.LGBM_BoosterPredictForMatSingleRowFastInit(
            self._handle, _RAW_SCORE, _FROM_START, _ALL, _FLOAT64, ctypes.c_int32(self._features), _ONE_THREAD,
            ctypes.byref(prepared),
        )  # fmt: skip
        if failed:
            return None
        weakref.finalize(self, self._library.LGBM_FastConfigFree, prepared)
        return prepared

    def _one_by_one(self, library: Any, rows: np.ndarray, found: np.ndarray) -> bool:
        """Fill `found`; whether that failed."""
        predict, prepared, count = (
            library.LGBM_BoosterPredictForMatSingleRowFast,
            self._prepared,
            ctypes.c_int64(),
        )
        at, into, counted, failed = rows.ctypes.data, found.ctypes.data, ctypes.byref(count), False
        for i in range(len(rows)):
            row, score = at + 8 * self._features * i, into + 8 * self._outputs * i
            failed |= bool(predict(prepared, ctypes.c_void_p(row), counted, ctypes.c_void_p(score)))
        return failed or count.value != self._outputs

    def _slowly(self, rows: np.ndarray) -> np.ndarray:
        if not len(rows):
            return np.empty((0,) if self._outputs == 1 else (0, self._outputs))
        return np.asarray(self.booster.predict(rows, raw_score=True, num_threads=1, validate_features=False))
