"""Isotonic regression over two directions, compiled, for thousands of grids; the same steps as `grid.isotonic_grid`."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def fit_grids(values, weights, columns, steps, settled):
    """Fit each row of values (trial, cell) in place."""
    cells = values.shape[1]
    rows = cells // columns
    by_row, by_column, start, risen = np.empty(cells), np.empty(cells), np.empty(cells), np.empty(cells)
    longest = max(rows, columns)
    mean, mass, size = np.empty(longest), np.empty(longest), np.empty(longest, dtype=np.int64)
    for trial in range(len(values)):
        by_row[:], by_column[:] = 0.0, 0.0
        fit, weight = values[trial], weights[trial]
        for _ in range(steps):
            for cell in range(cells):
                start[cell] = fit[cell]
                risen[cell] = fit[cell] - by_row[cell]
            for row in range(rows):
                pool(risen, weight, row * columns, 1, columns, mean, mass, size)
            moved = 0.0
            for cell in range(cells):
                by_row[cell] = risen[cell] - (start[cell] - by_row[cell])
                fit[cell] = risen[cell] - by_column[cell]
            for column in range(columns):
                pool(fit, weight, column, columns, rows, mean, mass, size)
            for cell in range(cells):
                by_column[cell] = fit[cell] - (risen[cell] - by_column[cell])
                moved = max(moved, abs(fit[cell] - risen[cell]), abs(fit[cell] - start[cell]))
            if moved <= settled:
                break


@njit(cache=True, nogil=True)
def pool(values, weights, first, step, count, mean, mass, size):
    """Pool adjacent violators along one line of a grid, in place."""
    blocks = 0
    for i in range(count):
        mean[blocks], mass[blocks], size[blocks] = values[first + step * i], weights[first + step * i], 1
        blocks += 1
        while blocks > 1 and mean[blocks - 2] > mean[blocks - 1]:
            both = mass[blocks - 2] + mass[blocks - 1]
            mean[blocks - 2] = (mean[blocks - 2] * mass[blocks - 2] + mean[blocks - 1] * mass[blocks - 1]) / both
            mass[blocks - 2] = both
            size[blocks - 2] += size[blocks - 1]
            blocks -= 1
    i = 0
    for block in range(blocks):
        for _ in range(size[block]):
            values[first + step * i] = mean[block]
            i += 1
