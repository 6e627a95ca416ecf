"""What is shown of all classes or labels together: tiles, and averages below the table."""

from __future__ import annotations

from pages.components.picture.columns import Average, Total

MEAN = "undefined ones (no actual and no predicted positive) are left out, where scikit-learn counts them as 0."

CLASSES = (
    Total("accuracy", "Accuracy", "Share of rows predicted correctly; a row without a class is wrong."),
    Total(
        "changed",
        "Differs from argmax",
        "Rows whose class differs from that of plain argmax, and how many became correct or misclassified.",
        "count",
        "changes",
    ),
    Total("without", "No predicted class", "Rows without a predicted class. They count as misclassified.", "count"),
)
OF_CLASSES = (
    Average(
        "macro avg",
        "Means over the classes where the number is defined. Macro recall is also called balanced accuracy.",
        ("precision", "recall", "f1"),
        mean=True,
    ),
)
LABELS = (
    Total("micro_f1", "Micro F1", "F1 of the decisions about all labels, pooled."),
    Total("macro_f1", "Macro F1", f"Mean of F1 over labels; {MEAN}"),
    Total("weighted_f1", "Weighted F1", "Mean of F1 over labels, weighted by their numbers of positives."),
    Total("samples_f1", "Samples F1", f"Mean over rows of F1 among their labels; {MEAN}"),
    Total("subset", "Subset accuracy", "Share of rows with every label correct."),
    Total("hamming", "Hamming loss", "Share of all decisions that are wrong."),
    Total("cardinality", "Label cardinality", "Labels per row: predicted, and actual.", "mean", "true"),
    Total("without", "No label", "Rows in which no label reaches its threshold.", "count"),
    Total("several", "Several labels", "Rows in which more than one label reaches its threshold.", "count"),
)
OF_LABELS = (
    Average("micro avg", "Of the decisions about all labels, pooled.", ("micro_precision", "micro_recall", "micro_f1")),
    Average("macro avg", f"Means over labels; {MEAN}", ("macro_precision", "macro_recall", "macro_f1"), mean=True),
)
