"""The page in a real browser: it loads, sorts, fits a phone, and has a dark side. Skipped without Chromium."""

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from phantom_study import fake_segmenter, phantom_study
from study_reports import study_page

from promptseg.evaluation.study.recipe_files import read_study_recipe
from promptseg.evaluation.study.report import Remaker, write_report
from promptseg.evaluation.study.study import Options, run_study

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver on the path (Debian: chromium, chromium-driver)"
)

SILENT = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-dev-shm-usage",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
)
"""Switches with which the browser opens no window and asks nobody anything."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*SILENT, f"user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def opened(browser: Any, path: Path, *, width: int = 1200, paper: str = "light") -> Any:
    media = {"features": [{"name": "prefers-color-scheme", "value": paper}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(path.as_uri())
    return browser


def background(browser: Any) -> str:
    return str(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))


def first_columns(browser: Any) -> tuple[list[str], list[float]]:
    """Names and values of the first column of the first table."""
    script = """
        const rows = [...document.querySelector("table.sortable").tBodies[0].rows];
        return rows.map((row) => [row.children[0].textContent, Number(row.children[1].dataset.key)]);
    """
    rows = browser.execute_script(script)
    return [name for name, _ in rows], [value for _, value in rows]


def press(browser: Any, column: int) -> str:
    """Press a heading of the first table; gives its order."""
    heading = browser.find_elements("css selector", "table.sortable")[0].find_elements("css selector", "[aria-sort]")[
        column
    ]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", heading)
    heading.find_element("tag name", "button").click()
    return str(heading.get_attribute("aria-sort"))


def test_it_opens_without_a_word_of_complaint(browser: Any) -> None:
    opened(browser, study_page()).get_log("browser")
    opened(browser, study_page())
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.querySelectorAll('svg').length") > 40
    drawn = "return [...document.querySelectorAll('.chart svg')].every((one) => one.viewBox.baseVal.height > 0)"
    assert browser.execute_script(drawn)


def test_pressing_a_heading_sorts_and_pressing_again_reverses(browser: Any) -> None:
    opened(browser, study_page())
    names, values = first_columns(browser)
    assert press(browser, 1) == "descending"
    assert first_columns(browser)[1] == sorted(values, reverse=True)
    assert press(browser, 1) == "ascending"
    assert first_columns(browser)[1] == sorted(values)
    assert press(browser, 0) == "ascending"
    assert first_columns(browser)[0] == sorted(names)
    orders = (
        "return [...document.querySelector('table.sortable').querySelectorAll('[aria-sort]')].map((e) => e.ariaSort)"
    )
    assert browser.execute_script(orders).count("none") == len(browser.execute_script(orders)) - 1


def test_the_keyboard_sorts_too(browser: Any) -> None:
    opened(browser, study_page())
    _, values = first_columns(browser)
    button = browser.find_elements("css selector", "table.sortable thead button")[1]
    button.send_keys("\ue007")
    assert first_columns(browser)[1] == sorted(values, reverse=True)


@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_sticks_out_at_the_side(browser: Any, width: int) -> None:
    opened(browser, study_page(), width=width)
    browser.execute_script("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    browser.execute_script("document.querySelectorAll('.pane').forEach((pane) => pane.classList.add('shown'))")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_it_is_dark_where_the_reader_likes_it_dark(browser: Any) -> None:
    light = background(opened(browser, study_page()))
    dark = background(opened(browser, study_page(), paper="dark"))
    assert light != dark
    browser.find_element("id", "paper").click()
    assert background(browser) == light
    browser.execute_script("localStorage.clear()")


def test_a_tab_shows_its_pane_alone(browser: Any) -> None:
    opened(browser, study_page())
    tab = browser.find_elements("css selector", "[role=tab]")[1]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", tab)
    tab.click()
    panes = browser.execute_script(
        "return [...arguments[0].closest('.tabs').querySelectorAll('.pane')].map((pane) => pane.offsetHeight > 0)", tab
    )
    assert panes.index(True) == 1
    assert panes.count(True) == 1
    tab.send_keys("\ue014")
    assert browser.switch_to.active_element.get_attribute("id") == "summary-tab-3"


def test_the_name_of_a_task_leads_to_its_fold(browser: Any) -> None:
    opened(browser, study_page())
    link = browser.find_elements("css selector", "table.sortable tbody a")[0]
    browser.execute_script("arguments[0].click()", link)
    place = link.get_attribute("href").split("#")[1]
    browser.execute_async_script("setTimeout(arguments[arguments.length - 1], 50)")
    assert browser.execute_script("return document.getElementById(arguments[0]).open", place)


def test_its_pictures_load(browser: Any, tmp_path: Path) -> None:
    recipe = read_study_recipe(phantom_study(tmp_path, count=8), overrides=["experiments={ modes = {} }"])
    run_study(recipe, tmp_path / "out", options=Options(device="cpu"), open_one=fake_segmenter)
    samples = {sample.name: sample for sample in _samples(recipe)}
    remake = Remaker(recipe, lambda _, name: samples[name], open_model=fake_segmenter)
    path = write_report(tmp_path / "out", recipe, {}, lambda _, name: samples[name], remake=remake)
    opened(browser, path)
    widths = browser.execute_script("return [...document.images].map((image) => image.naturalWidth)")
    assert len(widths) == 6
    assert min(widths) > 100
    source = browser.find_elements("css selector", "img")[0].get_attribute("src")
    assert base64.b64decode(source.partition(",")[2])[8:12] == b"WEBP"


def _samples(recipe: Any) -> Any:
    from promptseg.evaluation.study.planning import open_samples

    return open_samples(recipe.data[0])
