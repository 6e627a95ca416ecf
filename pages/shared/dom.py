"""Every reach into Streamlit's own page, with its reason and the browser test that notices when it breaks."""

from __future__ import annotations

from secrets import token_hex

import streamlit as st

from pages.shared import state

# Keys of containers that have a style here.
ACTIONS, FORMULA = "actions", "formula"
RECIPE, RECIPE_PARTS, RECIPE_WHOLE, RECIPE_DIAL = "recipe", "recipe-parts", "recipe-whole", "recipe-dial"
RECIPE_CHANGES, VERDICT, VERDICT_STATUS, PANELS = "recipe-changes", "verdict", "verdict-status", "panels"
UPLOAD, BESIDE, SETTINGS, CURVES = "upload", "beside", "settings", "curves"
VERDICT_TEXT = "verdict-text"  # above the explanation, for phones, on which the verdict is cut

# Streamlit draws white text and marks on the primary colour, which is nearly white in the dark theme. Popovers don't
# inherit color-scheme, so light-dark() doesn't work in them: white beside dark text, black beside light.
# Test: test_what_is_drawn_on_the_primary_colour_can_be_seen in tests/e2e/test_dom.py.
ON_PRIMARY = """
  :root { --on-primary: oklch(from currentcolor calc(9 - 15 * l) 0 0) }
  [data-testid^="stBaseButton-primary"]:not(:disabled), [data-tag] { color: var(--on-primary) }
  [data-tag] * { color: inherit }
  [data-tag] path { stroke: currentcolor }
  [data-testid="stCheckbox"] label[data-selected] svg { stroke: var(--on-primary) }
  [data-testid="stCheckbox"] label[data-selected] > div:not([data-testid]) > div,
  [data-testid="stRadioOption"][data-selected] > div > div > div { background: var(--on-primary) }
"""

# The slanted letters of a formula overflow its box by a pixel or two, which must not make it scroll; among the settings
# of Compare a formula is smaller, so that most fit.
# Tests: test_no_formula_scrolls and test_formulas_fit_the_settings in tests/e2e/test_dom.py.
FORMULAS = f"""
  [data-testid="stMarkdownContainer"] .katex-display.katex-display {{ overflow: visible; padding-inline: 3px }}
  .st-key-{FORMULA} .katex {{ font-size: 0.82em }}
"""

# A tooltip can't be scrolled by keyboard, so it is as tall as its text.
# Test: test_a_long_tooltip_does_not_scroll in tests/e2e/test_dom.py.
TOOLTIPS = """
  [data-testid="stTooltipContent"] { max-height: none }
"""

# What stands below a number is a sentence, and wraps; Streamlit cuts it off, as if it were a difference.
# Test: test_what_stands_below_a_number_is_read_whole in tests/e2e/test_dom.py.
BELOW_NUMBERS = """
  [data-testid="stMetricDelta"]:not(:has(svg)) { padding: 0; background: none }
  [data-testid="stMetricDelta"]:not(:has(svg)) * { white-space: normal }
"""

# The buttons of training stay in sight while the page scrolls under them. Streamlit has no sticky containers.
# Test: test_the_buttons_stay_in_sight_on_the_ground_of_the_page in tests/e2e/test_looks.py.
STICKY = f"""
  :has(> .st-key-{ACTIONS}) {{
    position: sticky; top: 3.75rem; z-index: 10; background: light-dark(#ffffff, #11151a);
  }}
"""

# The settings of Compare and Losses scroll beside the results; on a phone they are below, where a place is kept for
# results that are not drawn yet. Streamlit's own side panel sometimes stays where a page without one is opened, moves
# the name, and covers the page on a phone.
# Tests: test_the_settings_stand_beside_the_results, test_no_page_leaves_anything_on_the_next in tests/e2e/test_dom.py.
SIDE_BY_SIDE = f"""
  [data-testid="stMainBlockContainer"]:has(.st-key-{BESIDE}) {{ padding: 4.15rem 1.25rem 3rem }}
  .st-key-{BESIDE} > :has(> .st-key-{SETTINGS}) {{ order: 1; flex: 0 0 100% }}
  .st-key-{BESIDE} > :last-child {{ min-height: 28rem }}
  .st-key-{BESIDE} > :has(> .st-key-{CURVES}) {{ min-height: 100vh }}
  @media (min-width: 769px) {{
    .st-key-{BESIDE} {{ flex-wrap: nowrap; align-items: flex-start }}
    .st-key-{BESIDE} > :has(> .st-key-{SETTINGS}) {{
      position: sticky; top: 3.75rem; order: 0; flex: 0 0 21rem; max-height: calc(100vh - 3.75rem);
      overflow: hidden auto; padding: 0.25rem 0.75rem 3rem 0.25rem; scrollbar-width: thin; scrollbar-gutter: stable;
      border-right: 1px solid color-mix(in srgb, currentcolor 15%, transparent);
    }}
    .st-key-{BESIDE} > :last-child {{ flex: 1 1 0; min-width: 0 }}
  }}
"""

# The Workbench fits one screen: less space around it, smaller buttons, and on a phone one popover for the whole recipe.
# Streamlit has neither paddings nor sizes of buttons as options, and no layout that depends on the width. What a choice
# changed is said in the empty part of the bar, on a phone at the bottom, so that nothing below moves; there the verdict
# has room for five lines, and "Why?" repeats it whole. What is not seen has no place in it.
# Tests: test_one_screen_holds_the_picture_and_its_controls, test_nothing_moves_where_other_data_is_chosen and
# test_nothing_jumps_while_a_run_trains in tests/e2e/test_workbench.py, and
# test_the_buttons_of_the_verdict_stand_at_the_right_edge in tests/e2e/test_predictions.py.
ONE_SCREEN = f"""
  [data-testid="stMainBlockContainer"]:has(.st-key-{RECIPE}) {{ padding: 4.15rem 1.25rem 1rem }}
  [data-testid="stMainBlockContainer"]:has(.st-key-{RECIPE}) > [data-testid="stVerticalBlock"] {{ gap: 0.4rem }}
  :is(.st-key-{RECIPE}, .st-key-{RECIPE_CHANGES}, .st-key-{VERDICT}) [data-testid="stMarkdownContainer"] p {{
    font-size: 0.875rem
  }}
  :has(> .st-key-{RECIPE_CHANGES}) {{
    position: fixed; z-index: 999991; top: 0; right: 4rem; width: auto; max-width: calc(100vw - 25rem); height: 3.75rem;
    justify-content: center;
  }}
  .st-key-{RECIPE_CHANGES} {{ flex-wrap: nowrap }}
  .st-key-{RECIPE_CHANGES} > :first-child {{ flex: 0 1 auto; min-width: 0 }}
  .st-key-{RECIPE_CHANGES} [data-testid="stMarkdownContainer"] p {{
    display: -webkit-box; overflow: hidden; -webkit-box-orient: vertical; -webkit-line-clamp: 3;
    font-size: 0.8125rem; line-height: 1.25;
  }}
  .st-key-{RECIPE_CHANGES} button {{ min-height: 1.75rem; padding-block: 0; white-space: nowrap }}
  .st-key-{RECIPE} button {{ padding-inline: 0.6rem }}
  .st-key-{VERDICT} {{ padding: 0.4rem 0.75rem; min-height: 3.75rem; overflow: visible }}
  .st-key-{VERDICT} > :first-child {{ flex: 1 1 0; min-width: 0 }}
  .st-key-{VERDICT_STATUS} {{ position: absolute }}
  .st-key-{UPLOAD} {{ position: fixed; top: 0 }}
  @media (max-width: 1399px) {{
    .st-key-{RECIPE} button {{ padding-inline: 0.4rem; font-size: 0.8125rem }}
    :is(.st-key-{RECIPE}, .st-key-{RECIPE_PARTS}, .st-key-{RECIPE_DIAL}) {{ gap: 0.3rem }}
    .st-key-{RECIPE_DIAL} > :has([data-testid="stSlider"]) {{ max-width: 110px }}
  }}
  @media (max-width: 1127px) {{
    .st-key-{VERDICT} [data-testid="stMarkdownContainer"] p {{ line-height: 1.3 }}
  }}
  @media (min-width: 641px) {{
    :has(> :is(.st-key-{RECIPE_WHOLE}, .st-key-{VERDICT_TEXT})) {{ display: none }}
  }}
  @media (max-width: 640px) {{
    :has(> .st-key-{RECIPE_PARTS}) {{ display: none }}
    :has(> .st-key-{RECIPE_DIAL}) {{ order: 1 }}
    .st-key-{VERDICT} {{ flex-wrap: wrap; gap: 0.4rem; min-height: 9.1rem; align-content: center }}
    .st-key-{VERDICT} > :first-child [data-testid="stMarkdownContainer"] p {{ font-size: 0.8125rem }}
    .st-key-{VERDICT}:not(:has(.st-key-verdict-close)) > :first-child p {{
      display: -webkit-box; overflow: hidden; -webkit-box-orient: vertical; -webkit-line-clamp: 5;
    }}
    :is(.st-key-{RECIPE}, .st-key-{VERDICT}) button {{ min-height: 2.25rem; padding-block: 0.15rem }}
    .st-key-{VERDICT} > :first-child {{ flex-basis: 100% }}
    :has(> .st-key-{RECIPE_CHANGES}) {{
      top: auto; bottom: 0.5rem; inset-inline: 0.5rem; max-width: none; height: auto; padding: 0.4rem 0.75rem;
      border: 1px solid color-mix(in srgb, currentcolor 25%, transparent); border-radius: 0.5rem;
      background: light-dark(#ffffff, #11151a);
    }}
    .st-key-{RECIPE_CHANGES} {{ justify-content: space-between }}
  }}
"""

# Before the script has run, the page is narrow. Before a component or a widget has loaded, Streamlit has a line as wide
# as the page in its place. What stands beside and below would jump, as would what stands below a panel that is opened.
# The heights are those of place.css in pages/components/picture/, whose container is 40 pixels narrower than the page.
# Test: test_nothing_jumps_while_the_first_screen_loads in tests/e2e/test_workbench.py.
PLACE = f"""
  .st-key-picture {{ min-height: 100vh }}
  @media (min-width: 808px) {{ .st-key-picture {{ min-height: 492px }} }}
  @media (min-width: 1128px) {{ .st-key-picture {{ min-height: 468px }} }}
  @media (min-width: 1304px) {{ .st-key-picture {{ min-height: 528px }} }}
  .st-key-{RECIPE} {{ min-height: 2.5rem }}
  @media (max-width: 1127px) {{ .st-key-{RECIPE}:not(:has(.st-key-share)) {{ min-height: 5.3rem }} }}
  .st-key-{PANELS} {{ min-height: 28rem }}
  :is(.st-key-values_1, .st-key-values_0) {{ min-height: 440px }}
  .st-key-{CURVES} [data-testid="stSkeleton"] {{ width: 17.9rem; height: 2.4rem }}
  .st-key-losses-train [data-testid="stSkeleton"] {{ width: 7.1rem; min-width: 0 }}
  [data-testid="stMainBlockContainer"] {{ max-width: none }}
  :is(.st-key-{RECIPE}, .st-key-{VERDICT}) [data-testid="stSkeleton"] {{ width: 2.5rem; min-width: 0 }}
"""

# Streamlit leaves the focus on the button that opens a popover, and the popover is at the end of the document, so a
# keyboard would reach it last. The popover takes the focus when it opens; Escape returns it.
# Test: test_the_journey_needs_no_mouse in tests/e2e/test_accessibility.py.
FOCUS = """
  const focus = (button, tries) => setTimeout(() => {
    const opened = document.querySelector("[data-testid=stPopoverBody]");
    if (opened && button.ariaExpanded === "true") {
      opened.tabIndex = -1;
      opened.focus();
    }
    if (tries && !opened?.matches(":focus-within")) focus(button, tries - 1); // not yet in sight
  }, 50);
  const follow = ({ target }) => {
    const button = target.closest("[data-testid=stPopoverButton]");
    if (button) focus(button, 40);
  };
  document.addEventListener("click", follow, { capture: true });
"""

# Streamlit adds an entry to the browser's history at each change of the URL, two where another page is opened. Here an
# act of the viewer adds at most one, and what changes by itself replaces the last. An entry that is gone back to is
# marked: the script can't tell otherwise whether a URL is older than its own because of Back or is still on its way.
# Tests: those of tests/e2e/test_history.py.
MARK = "went"
HISTORY = f"""
  let acted = false;
  const act = () => (acted = true);
  for (const kind of ["pointerdown", "keydown", "click"]) addEventListener(kind, act, {{ capture: true }});
  const push = history.pushState.bind(history);
  history.pushState = (...entry) => {{
    if (acted) push(...entry);
    else history.replaceState(...entry);
    acted = false;
  }};
  addEventListener("popstate", () => {{
    if (location.hash) return; // to another place of the same page
    const marked = new URL(location.href);
    marked.searchParams.set("{MARK}", 1);
    history.replaceState(history.state, "", marked);
  }});
"""

# On a narrow page the pages are a menu that covers it. Streamlit closes it after a press only on a phone, not in a
# narrow window.
# Test: test_no_page_leaves_anything_on_the_next in tests/e2e/test_dom.py.
MENU = """
  addEventListener("click", ({ target }) => {
    if (!target.closest("[data-testid=stSidebarNavLink]")) return;
    setTimeout(() => document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click());
  });
"""

# What app.py adds to the page that Streamlit serves, so that the first frame has it. What a script sends comes later.
STYLES = "".join((ON_PRIMARY, FORMULAS, TOOLTIPS, BELOW_NUMBERS, STICKY, SIDE_BY_SIDE, ONE_SCREEN, PLACE))
ADDED = f"<style>{STYLES}</style><script>{{{FOCUS}}}{{{HISTORY}}}{{{MENU}}}</script>"

# Streamlit scrolls to an element only by a link that is pressed. The element takes the focus as well, so that a
# keyboard goes on there and a screen reader says where it is. Its top ends below the bar.
# Test: test_what_a_button_opens_comes_into_sight in tests/e2e/test_dom.py.
SIGHT = """
  const seek = (tries) => setTimeout(() => {
    const found = document.querySelector(".st-key-%s");
    if (!found) return tries && seek(tries - 1); // not yet drawn
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    Object.assign(found, { tabIndex: -1 }).focus({ preventScroll: true });
    Object.assign(found.style, { outline: "none", scrollMarginTop: "4rem" });
    found.scrollIntoView({ behavior: calm ? "auto" : "smooth" });
  }, 50);
  seek(40); /* %s */
"""


def went_back() -> bool:
    """Whether the script runs because of Back or Forward in the browser; takes the mark of that out of the URL."""
    marked = MARK in st.query_params
    if marked:
        del st.query_params[MARK]
    return marked


def bring_into_sight(key: str) -> None:
    """Scroll to the container of this key once the page is drawn. To be called in a callback."""
    state.IN_SIGHT.set(key)


def scroll() -> None:
    """Scroll to what has asked for it; to be called after it is drawn."""
    if key := state.IN_SIGHT.pop():
        script = SIGHT % (key, token_hex(4))  # one that is drawn once more is another one
        st.html(f"<script>{{{script}}}</script>", unsafe_allow_javascript=True)
