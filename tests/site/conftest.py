"""The built site, a server for it and one browser for all tests."""

import os

import pytest
from pagecheck import FLAGS, SITE, Server, Visit, find_chromium


@pytest.fixture(scope="session")
def site():
    if not (SITE / "index.html").is_file():
        pytest.fail("There is no built site to test: run `make book`.", pytrace=False)
    return SITE


@pytest.fixture(scope="session")
def server(site):
    server = Server(site)
    yield server
    server.close()


@pytest.fixture(scope="session")
def browser():
    found = find_chromium()
    if found is None:
        said = "No Chromium found: install it, or name it in the variable CHROMIUM."
        if os.environ.get("CI"):
            pytest.fail(said, pytrace=False)
        pytest.skip(said)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def visit(browser):
    with browser.new_context(reduced_motion="reduce") as context:
        yield Visit(context)
