"""Code that writes the predictions of a model that was trained elsewhere into a file that opens here."""

from __future__ import annotations

from typing import NamedTuple

FILE = "predictions.parquet"


class Snippet(NamedTuple):
    """Three lines for a library: of a model of two classes, and of one of several classes, "" where it is the same.

    They use `model`, `X_test` and `y_test`, and for PyTorch a model that returns logits.
    """

    label: str
    two_classes: str
    several_classes: str


OF_CLASSIFIER = """\
import pandas as pd
scores = model.predict_proba(X_test)[:, 1]
pd.DataFrame({"y_true": y_test, "y_score": scores}).to_parquet("predictions.parquet")
"""
OF_CLASSIFIER_SEVERAL = """\
import pandas as pd
scores = pd.DataFrame(model.predict_proba(X_test), columns=[f"y_score {name}" for name in model.classes_])
scores.assign(y_true=list(y_test)).to_parquet("predictions.parquet")
"""
OF_MODULE = """\
import pandas as pd, torch
with torch.inference_mode(): scores = torch.sigmoid(model.eval()(X_test)).flatten()
pd.DataFrame({"y_true": y_test.flatten().int(), "y_score": scores}).to_parquet("predictions.parquet")
"""
OF_MODULE_SEVERAL = """\
import pandas as pd, torch
with torch.inference_mode(): scores = pd.DataFrame(torch.softmax(model.eval()(X_test), dim=1)).add_prefix("y_score ")
scores.assign(y_true=y_test).to_parquet("predictions.parquet")
"""
OF_BOOSTER = """\
import pandas as pd
scores = model.predict({data})
pd.DataFrame({{"y_true": y_test, "y_score": scores}}).to_parquet("predictions.parquet")
"""
OF_BOOSTER_SEVERAL = """\
import pandas as pd
scores = pd.DataFrame(model.predict({data})).add_prefix("y_score ")
scores.assign(y_true=list(y_test)).to_parquet("predictions.parquet")
"""

SNIPPETS: dict[str, Snippet] = {
    "scikit_learn": Snippet("scikit-learn", OF_CLASSIFIER, OF_CLASSIFIER_SEVERAL),
    "pytorch": Snippet("PyTorch", OF_MODULE, OF_MODULE_SEVERAL),
    "xgboost": Snippet(
        "XGBoost",
        OF_BOOSTER.format(data="xgboost.DMatrix(X_test)"),
        OF_BOOSTER_SEVERAL.format(data="xgboost.DMatrix(X_test)"),
    ),
    "lightgbm": Snippet("LightGBM", OF_BOOSTER.format(data="X_test"), OF_BOOSTER_SEVERAL.format(data="X_test")),
}
