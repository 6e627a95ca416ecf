"""A table of one's own to train on: the data sets that a session is offered, and the dialog that adds one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from core.data import DATASETS, DatasetSpec, dataset_spec, drop_table, is_table, keep_table
from core.data.own import ColumnReport, Target, class_values, likely_target, report, target_of, with_task
from core.data.tables import Table, listed
from core.errors import CutoffError
from core.predictions.uploads import Upload
from core.settings import read_settings
from core.text import counted, shortened
from pages.components.upload.upload import upload_chooser
from pages.shared import services, session, state, tables, text

LONGEST_LABEL, PREVIEWED = 40, 5


def offered(now: str) -> dict[str, DatasetSpec]:
    """The data sets to choose from: those that ship, the tables that this session opened, and the one chosen now."""
    found = dict(DATASETS)
    for name in dict.fromkeys([*state.TABLES.get(), *([now] if is_table(now) else [])]):
        try:
            found[name] = dataset_spec(name)
        except CutoffError:
            continue  # gone
    return found


def delete_button(name: str, key: str, leave: Callable[[], None]) -> None:
    """What deletes a table; `leave` is called first, in a callback, to choose other data."""

    def drop() -> None:
        leave()
        session.look_at(None)  # its runs go with it
        drop_table(name)
        state.TABLES.set([one for one in state.TABLES.get() if one != name])

    st.button("Delete", key=key, icon=":material/delete:", type="tertiary", on_click=drop, help=kept_sentence())


def ask() -> None:
    """Open the dialog. To be called in a callback."""
    state.TABLE_ASKED.set(True)


def button(key: str, on_click: Callable[[], None] = ask) -> None:
    """What opens the dialog."""
    st.button("Your own table…", key=key, icon=":material/table:", on_click=on_click)


def show_dialog(use: Callable[[str], None]) -> None:
    """Draw the dialog if it has been asked for; `use` is called with the name of the data set, in a callback."""
    if state.TABLE_ASKED.get():
        _dialog(use)


def kept_sentence() -> str:
    """Who can see the rows of a table, and until when."""
    return (
        "Whoever has the link to a run can see its rows. They are in the memory of this server only, and are deleted "
        f"{counted(read_settings().upload_minutes, 'minute')} after anybody last looked at them."
    )


def _opened() -> Upload | None:
    """The file that was opened, None if there is none or it is no longer kept."""
    try:
        return _upload() if state.TABLE_UPLOAD.get() else None
    except CutoffError as error:
        state.TABLE_UPLOAD.set("")
        state.TABLE_REPORTS.set(())
        state.TABLE_PROBLEM.set(str(error))
        return None


def _dismiss() -> None:
    state.TABLE_ASKED.set(False)


@st.dialog("Train on your own table", width="medium", on_dismiss=_dismiss)
def _dialog(use: Callable[[str], None]) -> None:
    """The file, what is predicted from it, and what becomes of its columns."""
    upload = _opened()
    if upload:
        table = upload.table
        said = (f"{upload.name}: {counted(table.n_rows, 'row')}, {counted(len(table.names), 'column')}.", *table.notes)
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.caption(text.plain(" ".join(said)), help=kept_sentence(), width="content")
            with st.popover("Another file", width="content"):
                _choose_file()
        _choose_target(table)
    else:
        _choose_file()
    if problem := state.TABLE_PROBLEM.get():
        st.error(text.plain(problem))
    reports = state.TABLE_REPORTS.get()
    if not upload or not reports:
        return
    _choose_left_out(reports)
    _show_leaks(reports)
    _show_reports(reports)
    with st.expander("The first rows"):
        first = upload.table.columns.slice(0, PREVIEWED).to_pandas()
        st.dataframe(first, hide_index=True, alt="The first rows of the table.")
    st.button("Train", key="own.train", type="primary", icon=":material/play_arrow:", on_click=_train, args=(use,))
    if not state.TABLE_ASKED.get():  # it trains
        st.rerun()


def _choose_file() -> None:
    upload_chooser(key="table.choose", label="File to train on", columns="a column to predict")


def _choose_target(table: Table) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.multiselect(
            "Predict",
            table.names,
            key=state.TABLE_TARGET.name,
            persist_state="session",
            on_change=_use_columns,
            help="One column, or several columns of 0 and 1 for a multi-label task.",
        )
        st.selectbox(
            "Task",
            list(text.TASKS),
            format_func=text.TASKS.__getitem__,
            key=state.TABLE_TASK.name,
            persist_state="session",
            on_change=_use_task,
            width=180,
        )
        values = state.TABLE_VALUES.get()
        if values and state.TABLE_TASK.get() == "binary":
            st.selectbox(
                "Positive class",
                values,
                key=state.TABLE_POSITIVE.name,
                persist_state="session",
                on_change=_use_positive,
                width=180,
            )


def _choose_left_out(reports: Sequence[ColumnReport]) -> None:
    st.multiselect(
        "Leave out",
        [one.name for one in reports if one.use != "target"],
        key=state.TABLE_LEFT_OUT.name,
        persist_state="session",
        help="At first the columns that say nothing about other rows: ids, constants, those with hardly any value.",
    )


def _show_leaks(reports: Sequence[ColumnReport]) -> None:
    """The columns that may hold the answer and are still used, with what leaves them out."""
    leaking = [one.name for one in reports if one.alone and one.name not in state.TABLE_LEFT_OUT.get()]
    if not leaking:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        holds = "may hold the answer: it predicts" if len(leaking) == 1 else "may hold the answer: each predicts"
        st.warning(
            text.plain(f"{listed(leaking)} {holds} the target almost perfectly alone."),
            icon=":material/water_drop:",
        )
        st.button("Leave out", key="own.leaks", on_click=_leave_out, args=(leaking,))


def _show_reports(reports: Sequence[ColumnReport]) -> None:
    """What becomes of each column: what may leak and what is left out first."""
    left_out = set(state.TABLE_LEFT_OUT.get())
    used = [one for one in reports if one.use != "target" and one.name not in left_out]
    ordered = sorted(reports, key=lambda one: (one.alone is None, one.name not in left_out))
    st.dataframe(
        pd.DataFrame(
            {
                "Column": [one.name for one in ordered],
                "Used as": ["left out" if one.name in left_out else one.use for one in ordered],
                "Features": [0 if one.name in left_out else one.width for one in ordered],
                "Missing": [one.missing for one in ordered],
                "Values": [one.distinct for one in ordered],
                "Note": [one.remark for one in ordered],
            }
        ),
        hide_index=True,
        height=tables.height(len(ordered), 6),
        column_config={"Note": st.column_config.TextColumn(width="large")},
        alt="What becomes of each column.",
    )
    become = counted(len(used), "column becomes", "columns become")
    features = counted(sum(one.width for one in used), "feature")
    st.caption(f"{become} up to {features}. Medians, means and categories are those of the training rows.")


def take(name: str) -> None:
    """Take a file that was opened, by its id. To be called in a callback."""
    state.TABLE_UPLOAD.set(name)
    _aim(lambda: likely_target(_upload().table))


def _upload() -> Upload:
    """The file that was opened; raises CutoffError if it is no longer kept."""
    return services.uploads().get(state.TABLE_UPLOAD.get())


def _use_columns() -> None:
    columns = tuple(state.TABLE_TARGET.get())
    _aim(lambda: target_of(_upload().table, columns))


def _use_task() -> None:
    columns, task = tuple(state.TABLE_TARGET.get()), state.TABLE_TASK.get()
    _aim(lambda: with_task(_upload().table, columns, task))


def _use_positive() -> None:
    target = tuple(state.TABLE_TARGET.get()), state.TABLE_TASK.get(), state.TABLE_POSITIVE.get()
    _aim(lambda: Target(*target))


def _aim(choose: Callable[[], Target]) -> None:
    """Take a target, and leave out what is useless then; what can't be predicted leaves a sentence."""
    state.TABLE_PROBLEM.set("")
    state.TABLE_REPORTS.set(())
    try:
        target = choose()
        state.TABLE_TARGET.set(list(target.columns))
        state.TABLE_TASK.set(target.task)
        state.TABLE_VALUES.set(class_values(_upload().table, target))
        state.TABLE_POSITIVE.set(target.positive)
        reports = report(_upload().table, target)
    except CutoffError as error:
        state.TABLE_PROBLEM.set(str(error))
        return
    state.TABLE_REPORTS.set(reports)
    state.TABLE_LEFT_OUT.set([one.name for one in reports if one.useless])


def _leave_out(names: Sequence[str]) -> None:
    state.TABLE_LEFT_OUT.set([*state.TABLE_LEFT_OUT.get(), *names])


def _train(use: Callable[[str], None]) -> None:
    """Keep the table as a data set and use it."""
    target = Target(tuple(state.TABLE_TARGET.get()), state.TABLE_TASK.get(), state.TABLE_POSITIVE.get())
    known = {spec.label for spec in offered("").values()}
    label = shortened(f"{_upload().name}: {listed(target.columns, 1)}", LONGEST_LABEL)
    if label in known:
        label = next(f"{label} ({count})" for count in itertools.count(2) if f"{label} ({count})" not in known)
    try:
        name = keep_table(_upload().table, target, state.TABLE_LEFT_OUT.get(), label)
    except CutoffError as error:
        state.TABLE_PROBLEM.set(str(error))
        return
    state.TABLE_PROBLEM.set("")
    state.TABLES.set([name, *state.TABLES.get()])
    state.TABLE_ASKED.set(False)
    use(name)
