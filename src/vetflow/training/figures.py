"""Pictures of a training: sheets of films, tables of right and wrong answers."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from vetflow.training.evaluation import Score
from vetflow.vision.filters import Grey

_ACROSS = 8


def sheet(films: Sequence[Grey]) -> bytes:
    """Return a PNG of square films of one size, eight in a row."""
    side = films[0].shape[0]
    rows = -(-len(films) // _ACROSS)
    whole = np.zeros((rows * side, _ACROSS * side), np.uint8)
    for index, film in enumerate(films):
        row, column = divmod(index, _ACROSS)
        grey = np.round(np.clip(film, 0.0, 1.0) * 255).astype(np.uint8)
        whole[row * side : (row + 1) * side, column * side : (column + 1) * side] = grey
    held = io.BytesIO()
    Image.fromarray(whole).save(held, "PNG")
    return held.getvalue()


def confusion(score: Score, classes: Sequence[str]) -> bytes:
    """Return a PNG of right classes against answers."""
    figure = Figure(figsize=(1.2 + len(classes), 1.2 + len(classes)), layout="tight")
    axes = figure.subplots()
    table = np.array(score.confusion)
    axes.imshow(table / np.maximum(table.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0.0, vmax=1.0)
    for (row, column), number in np.ndenumerate(table):
        axes.text(column, row, str(number), ha="center", va="center")
    axes.set_xticks(range(len(classes)), labels=list(classes), rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), labels=list(classes))
    axes.set(xlabel="answer", ylabel="truth", title=f"accuracy {score.accuracy:.3f}, n = {score.films}")
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=90)
    return held.getvalue()
