"""The report in a real browser: requests, accessibility, phone, print, sorting and copying."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from results_example import write_example, write_external, write_running
from segsweep.report.html import write_report

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
axe = pytest.importorskip("axe_core_python.selenium", reason="axe-core-python is not installed")

from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed"
)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
KEEP_ONE_TABLE = """
document.querySelector("details").open = true;
document.querySelectorAll("details:not([open]), figure svg > g").forEach((e) => e.remove());
"""
"""Remove all data tables but one, and the content of plots: the check is much faster."""

KINDS = ("finished", "external", "running")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    write_report(write_example(folder / "a"), folder / "finished.html")
    write_report(write_external(folder / "b"), folder / "external.html")
    write_report(write_running(folder / "c"), folder / "running.html", live=True, of=40)
    return {kind: folder / f"{kind}.html" for kind in KINDS}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(DRIVER))
    driver.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    yield driver
    driver.quit()


def show(browser: Any, page: Path, width: int = 1280, scheme: str = "light") -> None:
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    media = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in media.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(page.as_uri())


def column(browser: Any, index: int) -> list[str]:
    script = """return [...document.querySelectorAll('.sortable tbody tr')]
        .map((row) => row.cells[arguments[0]].textContent)"""
    return list(browser.execute_script(script, index))


@pytest.mark.parametrize("kind", KINDS)
def test_page_requests_nothing_and_logs_nothing(
    browser: Any, pages: dict[str, Path], kind: str
) -> None:
    for log in ("browser", "performance"):
        browser.get_log(log)
    show(browser, pages[kind])
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requested = [
        e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"
    ]
    assert requested, "the log of requests is empty"
    assert [url for url in requested if not url.startswith("data:")] == [pages[kind].as_uri()]
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_no_serious_violation(
    browser: Any, pages: dict[str, Path], kind: str, scheme: str
) -> None:
    show(browser, pages[kind], scheme=scheme)
    browser.execute_script(KEEP_ONE_TABLE)
    report = axe.Axe().run(browser)
    assert len(report["passes"]) > 20
    serious = [
        f"{violation['id']}: {violation['nodes'][0]['html'][:200]}"
        for violation in report["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_plots_have_the_text_colour_of_the_page(
    browser: Any, pages: dict[str, Path], scheme: str
) -> None:
    show(browser, pages["finished"], scheme=scheme)
    script = """const fill = (element) => getComputedStyle(element).fill;
        const texts = [...document.querySelectorAll('figure svg text')];
        return [getComputedStyle(document.body).color, [...new Set(texts.map(fill))]]"""
    colour, fills = browser.execute_script(script)
    assert fills == [colour]


@pytest.mark.parametrize("width", [320, 375])
@pytest.mark.parametrize("kind", KINDS)
def test_page_fits_the_width_of_a_phone(
    browser: Any, pages: dict[str, Path], kind: str, width: int
) -> None:
    show(browser, pages[kind], width=width)
    wide = "return document.documentElement.scrollWidth"
    browser.execute_script("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    assert browser.execute_script(wide) <= width


def test_headline_is_one_line_and_candidates_fit_on_a_laptop(
    browser: Any, pages: dict[str, Path]
) -> None:
    show(browser, pages["finished"], width=1280)
    lines = """const headline = document.querySelector('.headline');
        return headline.clientHeight / parseFloat(getComputedStyle(headline).lineHeight)"""
    overflow = """const table = document.querySelector('#selection .scroll');
        return table.scrollWidth - table.clientWidth"""
    assert browser.execute_script(lines) < 1.5
    assert browser.execute_script(overflow) <= 0


def test_nothing_is_cut_off_in_print(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["finished"], width=720)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    wide = "return document.documentElement.scrollWidth"
    cut = """return [...document.querySelectorAll('.scroll')]
        .filter((box) => box.scrollWidth > box.clientWidth + 1).length"""
    assert browser.execute_script(wide) <= 720
    assert browser.execute_script(cut) == 0
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_leaderboard_is_sorted_by_click_and_by_key(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["finished"])
    heads = browser.find_elements(By.CSS_SELECTOR, ".sortable th")
    index = [head.text.split("\n")[0].strip() for head in heads].index("learning_rate")
    button = heads[index].find_element(By.TAG_NAME, "button")
    button.click()
    rates = [float(text) for text in column(browser, index)]
    assert rates == sorted(rates)
    assert heads[index].get_attribute("aria-sort") == "ascending"
    button.send_keys(Keys.ENTER)
    rates = [float(text) for text in column(browser, index)]
    assert rates == sorted(rates, reverse=True)
    assert heads[index].get_attribute("aria-sort") == "descending"
    heads[0].find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
    assert heads[index].get_attribute("aria-sort") is None
    ranks = column(browser, 0)
    known = [int(text) for text in ranks if text]
    assert known == sorted(known)
    assert set(ranks[len(known) :]) == {""}


def test_first_tab_stop_skips_the_navigation(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["finished"])
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.get_attribute("href").endswith("#main")
    assert skip.is_displayed()
    skip.send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "main"


def test_next_study_is_copied(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["finished"])
    permissions = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    browser.execute_cdp_cmd("Browser.grantPermissions", permissions)
    browser.find_element(By.CSS_SELECTOR, "[data-copy=next-1]").click()
    read = "navigator.clipboard.readText().then(arguments[0], (e) => arguments[0](String(e)))"
    expected = (pages["finished"].parent / "a/next/params.yaml").read_text()
    assert browser.execute_async_script(read) == expected
    assert browser.find_element(By.ID, "status").get_attribute("textContent") == "Copied"


def test_text_is_selected_where_copying_is_not_allowed(
    browser: Any, pages: dict[str, Path]
) -> None:
    show(browser, pages["finished"])
    browser.execute_script("navigator.clipboard.writeText = () => Promise.reject(new Error())")
    browser.find_element(By.CSS_SELECTOR, "[data-copy=next-1]").click()
    expected = (pages["finished"].parent / "a/next/params.yaml").read_text()
    assert browser.execute_script("return getSelection().toString()").strip() == expected.strip()
    assert "Ctrl+C" in browser.find_element(By.ID, "status").get_attribute("textContent")


def test_page_is_readable_without_its_script(browser: Any, pages: dict[str, Path]) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    show(browser, pages["finished"])
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    text = browser.find_element(By.TAG_NAME, "main").text
    assert "Leaderboard" in text
    assert not browser.find_element(By.CSS_SELECTOR, ".copy").is_displayed()
