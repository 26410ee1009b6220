"""Take the README's picture: python tests/site/picture.py PAGE.html ID TARGET.webp."""

import io
import sys
from pathlib import Path

from pagecheck import FLAGS, SITE, Visit, find_chromium
from PIL import Image
from playwright.sync_api import sync_playwright

SIZE = {"width": 1200, "height": 760}


def main(page: str, place: str, target: str) -> None:
    """The part of a page that begins at an id, half by day and half by night."""
    shots = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=FLAGS
        )
        for mode in ("light", "dark"):
            with browser.new_context(viewport=SIZE, color_scheme=mode) as context:
                visit = Visit(context)
                visit.open((SITE / page).as_uri())
                visit.tab.evaluate(
                    f"document.getElementById('{place}').scrollIntoView()"
                )
                visit.tab.wait_for_timeout(500)
                shots.append(Image.open(io.BytesIO(visit.tab.screenshot())))
        browser.close()
    day, night = shots
    half = SIZE["width"] * 5 // 8
    day.paste(night.crop((half, 0, SIZE["width"], SIZE["height"])), (half, 0))
    day.save(target, quality=82, method=6)
    sys.stdout.write(f"{target}: {Path(target).stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
