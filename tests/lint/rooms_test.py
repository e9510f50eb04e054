#!/usr/bin/env python3
"""tests/lint/rooms finds what a small tree does that its table does not allow."""

import pathlib
import subprocess
import tempfile
import unittest

ROOMS = pathlib.Path(__file__).with_name("rooms")

TABLE = """# House

| Room | May include |
|---|---|
| `proto` | |
| `plugins/include` | |
| `plugins/clock` | `plugins/include` |
| `server/low` | `proto` |
| `server/high` | `server/low`, `plugins/include` |
| `tests` | anything |

| Another | table |
"""

FILES = {
    "CONTRIBUTING.md": TABLE,
    "proto/text.h": "",
    "plugins/include/throng/plugin.h": "#include <stdint.h>\n",
    "plugins/clock/clock.cc": '#include "throng/plugin.h"\n',
    "server/low/low.h": '#include "proto/text.h"\n#include "throng/v1/spec.pb.h"\n',
    "server/high/high.cc": '#include "server/low/low.h"\n#include "throng/plugin.h"\n',
    "server/high/inner/part.h": '#include "server/high/inner/other.h"\n#include <absl/x.h>\n',
    "server/high/inner/other.h": "",
    "tests/test.cc": '#include "server/high/inner/part.h"\n',
}


class RoomsTest(unittest.TestCase):
    def lint(self, **changes):
        """What the script says of the tree above, with some files changed; names have / as __."""
        files = FILES | changes
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            result = subprocess.run([ROOMS, folder], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 1 if result.stderr else 0)
        return result.stderr

    def test_says_nothing_where_all_is_allowed(self):
        self.assertEqual(self.lint(), "")

    def test_names_an_include_that_leads_up(self):
        self.assertEqual(
            self.lint(**{"server/low/low.cc": '\n# include "server/high/inner/part.h"\n'}),
            "server/low/low.cc:2: includes server/high/inner/part.h, but server/low may not include "
            "server/high (the table of rooms in CONTRIBUTING.md).\n",
        )

    def test_sees_through_angle_brackets_and_relative_paths(self):
        said = self.lint(
            **{"server/low/a.h": "#include <throng/plugin.h>\n",
               "server/low/b.h": '#include "../high/inner/other.h"\n'})  # fmt: skip
        self.assertIn("server/low/a.h:1: includes throng/plugin.h", said)
        self.assertIn("server/low/b.h:1: includes ../high/inner/other.h", said)

    def test_plugins_and_the_contract_know_no_server(self):
        said = self.lint(
            **{"plugins/clock/clock.cc": '#include "server/low/low.h"\n',
               "plugins/include/throng/sdk.hpp": '#include "throng/v1/spec.pb.h"\n'})  # fmt: skip
        self.assertIn("plugins/clock may not include server/low", said)
        self.assertIn("plugins/include may not include proto", said)

    def test_nobody_includes_a_test(self):
        said = self.lint(**{"tests/t.h": "", "server/low/low.cc": '#include "tests/t.h"\n'})
        self.assertIn("server/low may not include tests", said)

    def test_a_folder_needs_a_row(self):
        said = self.lint(**{"server/new/new.h": "", "plugins/kinds/kind.h": ""})
        self.assertIn("server/new has no row in the table of rooms; add one.", said)
        self.assertIn("plugins/kinds has no row in the table of rooms; add one.", said)

    def test_a_row_names_rooms_that_are_there(self):
        said = self.lint(
            **{"CONTRIBUTING.md": TABLE.replace("| `tests`", "| `client` | `util` |\n| `tests`")})
        self.assertIn("the room client is no folder; mend its row.", said)
        self.assertIn("client may include util, which is no room; mend its row.", said)

    def test_a_document_without_the_table_is_refused(self):
        self.assertIn("has no table", self.lint(**{"CONTRIBUTING.md": "# House\n"}))


if __name__ == "__main__":
    unittest.main()
