"""Lets links of docs/ lead out of docs/, as they do in the repository.

Some files of the repository are pages of the site (PAGES). Any other file that a page links to
comes with the site as text. A link to a file that is not there is an error.
"""

import pathlib
import posixpath
import re

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Where a file of the repository stands in the site.
PAGES = {
    "plugins/README.md": "how-to/write-a-plugin.md",
}
CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")


def rewritten(markdown, source, rewrite):
    """The text with each link put through a function of the file in the repository it leads to."""
    folder = posixpath.dirname(of_repository(source))
    parts = CODE.split(markdown)
    for i in range(0, len(parts), 2):
        parts[i] = LINK.sub(
            lambda match: rewrite(posixpath.normpath(posixpath.join(folder, match[1]))), parts[i])
    return "".join(parts)


def of_repository(source):
    """A page's path in the repository, by its path in the site."""
    return next((path for path, page in PAGES.items() if page == source), f"docs/{source}")


def in_site(path):
    """Where a file of the repository stands in the site."""
    if path in PAGES:
        return PAGES[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else f"source/{path}.txt"


def on_files(files, config):
    worker = ROOT / "build/tools/docs/node_modules/iframe-worker/shim/index.js"
    files.append(File.generated(config, "assets/iframe-worker.js", abs_src_path=str(worker)))
    for path, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    for page in files.documentation_pages():
        def bring(path):
            target = in_site(path)
            if target.startswith("source/") and not files.get_file_from_path(target):
                if not (ROOT / path).is_file():
                    raise PluginError(f"{page.src_uri} links to {path}, which is no file.")
                files.append(File.generated(config, target, content=(ROOT / path).read_text()))
            return path
        rewritten(page.content_string, page.src_uri, bring)
    return files


def on_page_markdown(markdown, page, config, files):
    here = page.file.src_uri
    return rewritten(
        markdown, here,
        lambda path: posixpath.relpath(in_site(path), posixpath.dirname(here) or "."))
