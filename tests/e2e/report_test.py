"""Reports as a browser shows them: nothing is wrong with them, nothing sticks out, and there is
something to see. Keeps the pictures with `--keep FOLDER`."""

import html
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENT = os.environ["THRONG_CLIENT"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
KEEP = None

# Counts what goes wrong, from before the page's own script on.
WATCH = """<script>
window.wrong = [];
addEventListener("error", (event) => wrong.push(event.message));
for (const level of ["error", "warn"]) console[level] = (...words) => wrong.push(words.join(" "));
</script>"""
# What came of it, for --dump-dom: faults, what is wider than the page, pictures without any shape,
# words that are no numbers.
ASK = """<script>
const wideOnes = [...document.querySelectorAll("body *")].filter(
  (one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest("pre"));
const empty = [...document.querySelectorAll("svg[role=img]")].filter(
  (one) => !one.querySelector("rect, circle, polyline, path"));
const words = document.body.innerText.match(/\\b(NaN|undefined|null|Infinity)\\b/g) ?? [];
const answer = parent.document.createElement("pre");
answer.id = "answer";
answer.textContent = JSON.stringify({
  wrong, words, wide: wideOnes.map((one) => one.tagName + " " + one.textContent.slice(0, 40)),
  scroll: document.documentElement.scrollWidth - innerWidth, empty: empty.length,
  pictures: document.querySelectorAll("svg[role=img]").length,
  titles: [...document.querySelectorAll("h3")].map((one) => one.textContent),
  width: innerWidth,
});
parent.document.body.append(answer);
</script>"""
# Chromium's window is at least 500 wide, so a page is shown in a frame.
FRAME = """<!doctype html><body style="margin: 0">
<iframe style="display: block; border: 0; width: {width}px; height: 5000px" srcdoc="{page}"></iframe>
"""


def run_client(*arguments):
    done = subprocess.run([CLIENT, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


def read_pixels(path):
    """The distinct colours of a PNG of 8-bit RGB or RGBA."""
    with open(path, "rb") as file:
        data = file.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        (size,), kind = struct.unpack(">I", data[at:at + 4]), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, _, color = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    channels = {2: 3, 6: 4}[color]
    raw, stride = zlib.decompress(packed), width * channels + 1
    # Rows stay filtered: differing bytes are enough to tell a picture from an empty page.
    return len({raw[y * stride:y * stride + stride] for y in range(height)})


class ReportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        assert CHROMIUM, "chromium is not there; tests/run installs it"
        cls.folder = tempfile.TemporaryDirectory(prefix="report")
        cls.reports = {name: f"{cls.folder.name}/{name}.html"
                       for name in ("shop", "seed", "foreign", "tiny")}
        data = f"{cls.folder.name}/interactions.csv"
        run_client("generate", "--to", f"csv:{data}", "--report", cls.reports["shop"], "--quiet")
        run_client("generate", "--preset", "seed", "--size", "development", "--to",
                   f"csv:{data}.2", "--report", cls.reports["seed"], "--quiet")
        foreign = f"{cls.folder.name}/foreign.csv"
        with open(foreign, "w", encoding="utf-8") as file:
            file.write("user_id,item_id,rating,timestamp\n")
            for i in range(2000):
                name = "a person with quite a long name, and a comma" if i % 7 == 0 else f"p{i % 90}"
                file.write(f'"{name}",item-{i * i % 310},{i * 37 % 1000 / 200},'
                           f"{1700000000 + i * 997}\n")
        run_client("stats", foreign, "--report", cls.reports["foreign"])
        tiny = f"{cls.folder.name}/tiny.csv"
        with open(tiny, "w", encoding="utf-8") as file:
            file.write("user_id,item_id,rating,timestamp\n<b>u</b>,i,5,2024-01-01T00:00:00Z\n")
        run_client("stats", tiny, "--report", cls.reports["tiny"])

    @classmethod
    def tearDownClass(cls):
        if KEEP:
            shutil.copytree(cls.folder.name, KEEP, dirs_exist_ok=True)
        cls.folder.cleanup()

    def test_the_pictures_of_the_pages_are_what_a_report_shows(self):
        subprocess.run([ROOT / "deploy/site/picture", "--into", self.folder.name], check=True,
                       timeout=120)
        for name in [f"{sheet}-{theme}.svg" for sheet in ("crowd", "shares", "life")
                     for theme in ("light", "dark")]:
            drawn = pathlib.Path(self.folder.name, name).read_bytes()
            self.assertEqual(drawn, (ROOT / "docs/assets" / name).read_bytes(),
                             f"docs/assets/{name} is old: run deploy/site/picture")
            self.assertLess(len(drawn), 40_000)

    def browse(self, page, *arguments):
        with tempfile.TemporaryDirectory(prefix="chromium") as profile:
            return subprocess.run(
                [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                 "--no-first-run", "--disable-background-networking", "--disable-component-update",
                 "--disable-sync", "--hide-scrollbars", f"--user-data-dir={profile}", *arguments,
                 f"file://{page}"], capture_output=True, text=True, timeout=60, check=True).stdout

    def frame(self, report, width, first="", last=""):
        """The report in a frame of this width, with something before and after all else."""
        with open(self.reports[report], encoding="utf-8") as file:
            page = file.read().replace("<head>", "<head>" + first, 1)
        page = page.replace("</body>", last + "</body>")
        framed = f"{self.folder.name}/framed.html"
        with open(framed, "w", encoding="utf-8") as file:
            file.write(FRAME.format(width=width, page=html.escape(page)))
        return framed

    def ask(self, report, width):
        shown = self.browse(self.frame(report, width, WATCH, ASK), "--window-size=1400,2000",
                            "--dump-dom")
        answer = re.search(r'<pre id="answer">(.*?)</pre>', shown, re.S).group(1)
        return json.loads(html.unescape(answer))

    def test_nothing_is_wrong_and_nothing_sticks_out(self):
        for report in self.reports:
            for width in (390, 1280):
                with self.subTest(report=report, width=width):
                    answer = self.ask(report, width)
                    self.assertEqual(answer["width"], width)
                    self.assertEqual(answer["wrong"], [])
                    self.assertEqual(answer["words"], [])
                    self.assertEqual(answer["wide"], [])
                    self.assertLessEqual(answer["scroll"], 0)
                    self.assertEqual(answer["empty"], 0)
                    if report == "shop":
                        self.assertEqual(answer["titles"], [
                            "Rows by rank", "Hours of the week", "Six people", "Ratings",
                            "Opinions", "Who meets what", "Items by week", "Pauses"])
                        self.assertEqual(answer["pictures"], 8)

    def test_there_is_something_to_see_in_both_themes(self):
        seen = {}
        for theme, value in (("light", 1), ("dark", 0)):
            for width in (390, 1280):
                picture = f"{self.folder.name}/shop-{theme}-{width}.png"
                self.browse(self.frame("shop", width), f"--window-size={max(width, 500)},4000",
                            f"--blink-settings=preferredColorScheme={value}",
                            f"--screenshot={picture}")
                with open(picture, "rb") as file:
                    seen[theme, width] = file.read()
                self.assertGreater(read_pixels(picture), 300)
        self.assertEqual(len(set(seen.values())), 4)

    def test_it_prints(self):
        paper = f"{self.folder.name}/shop.pdf"
        self.browse(self.reports["shop"], f"--print-to-pdf={paper}")
        with open(paper, "rb") as file:
            pages = len(re.findall(rb"/Type\s*/Page\b", file.read()))
        self.assertGreaterEqual(pages, 2)
        self.assertLessEqual(pages, 10)

    def test_it_asks_the_network_for_nothing(self):
        for report in self.reports.values():
            with open(report, encoding="utf-8") as file:
                page = file.read()
            self.assertEqual(re.findall(r"(?:src|href)=\"(?!data:)[^\"]*|url\(|@import|fetch\(", page),
                             [])


if __name__ == "__main__":
    if "--keep" in sys.argv:
        at = sys.argv.index("--keep")
        KEEP = sys.argv[at + 1]
        del sys.argv[at:at + 2]
    unittest.main()
