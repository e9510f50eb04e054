"""deploy/site/build: the site of docs/ has no broken link and needs no network."""

import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SITE = ROOT / "build/site"


class Loaded(html.parser.HTMLParser):
    """What a page loads by itself, and so without a click."""

    def __init__(self, text):
        super().__init__()
        self.urls = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ("script", "img", "iframe"):
            self.urls.append(attrs.get("src") or "")
        if tag == "link" and attrs.get("rel") != "canonical":
            self.urls.append(attrs.get("href") or "")


def build(root):
    return subprocess.run([root / "deploy/site/build"], capture_output=True, text=True, check=False)


class SiteTest(unittest.TestCase):
    def test_the_site_is_built_and_needs_no_network(self):
        done = build(ROOT)
        self.assertEqual(done.returncode, 0, done.stderr)
        pages = list(SITE.rglob("*.html"))
        self.assertGreater(len(pages), 10)
        for page in pages:
            with self.subTest(page.relative_to(SITE)):
                for url in Loaded(page.read_text(encoding="utf-8")).urls:
                    self.assertNotRegex(url, "^(https?:)?//")
                    # The page for wrong addresses may be shown at any, so its own begin with /.
                    if url and page.name != "404.html":
                        self.assertTrue((page.parent / url.split("?")[0]).exists(), url)
        self.assertTrue((SITE / "search/search_index.js").exists())  # what files are searched with

    def test_pages_that_are_opened_as_files_can_be_searched(self):
        self.assertEqual(build(ROOT).returncode, 0)
        with tempfile.TemporaryDirectory(prefix="chromium") as profile:
            found = subprocess.run(
                [shutil.which("chromium") or "chromium-browser", "--headless", "--no-sandbox",
                 "--disable-gpu", "--no-first-run", "--disable-background-networking",
                 f"--user-data-dir={profile}", "--virtual-time-budget=20000", "--dump-dom",
                 f"file://{SITE}/index.html?q=compacted"],
                capture_output=True, text=True, timeout=120, check=True).stdout
        results = re.findall(r'<a [^>]*md-search-result__link[^>]*>', found)
        self.assertIn("how-to/kafka.html", "".join(results))

    def test_broken_links_are_told(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for entry in ROOT.iterdir():
                if entry.name not in ("deploy", "docs", "build", ".git"):
                    os.symlink(entry, root / entry.name)
            shutil.copytree(ROOT / "docs", root / "docs")
            shutil.copytree(ROOT / "deploy", root / "deploy")
            (root / "build").mkdir()
            (ROOT / "build/tools").mkdir(parents=True, exist_ok=True)
            os.symlink(ROOT / "build/tools", root / "build/tools")
            page = root / "docs/words.md"
            text = page.read_text(encoding="utf-8")
            for link in ("nowhere.md", "verify.md#no-such-head", "../deploy/nothing.yaml"):
                with self.subTest(link):
                    page.write_text(f"{text}\n[broken]({link})\n", encoding="utf-8")
                    done = build(root)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(link.rpartition("#")[2].rpartition("/")[2], done.stderr)


if __name__ == "__main__":
    unittest.main()
