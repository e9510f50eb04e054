"""What bad input gets: exit code 2, a sentence for each mistake with its field, and nothing written."""

import json
import pathlib
import re
import subprocess
import tempfile
import unittest

import worker

# Each spec of `dataset` (or of the whole run) and what its refusal says.
REFUSED = {
    "{sede: 4}": 'dataset.sede: Unknown field "sede". Did you mean "seed"?',
    "{world: {users: 0}}": "dataset.world.users: Must lie between 1 and 4294967295, found 0.",
    "{world: {categories: [{name: books, share: 0.9}]}}":
        "dataset.world.categories: The shares sum to 0.9, not to 1; add 0.1 to one of them",
    "{interactions: 450, plan_size: 450}":
        "dataset.activity: activity `pareto`: 450 interactions are too few for the top 80 of 400 "
        "active users to make 0.8 of them and for the others to have 1 or more each. The next "
        "number that fits is 1603",
    "{activity: {component: pareto, options: {cap: 500}}}":
        "dataset.activity.options.cap: activity `pareto`: cap 500 is too small: with 50000 "
        "interactions of 400 active users the smallest is 1004.",
    "{world: {clusters: [{name: x, share: 1, prefers: rare}], categories: "
    "[{name: most, share: 0.9999}, {name: rare, share: 0.0001}]}}":
        'dataset.world.clusters[0].prefers: Category "rare" has 0 items',
    "{activity: {component: paretto}}":
        "dataset.activity.component: there is no activity `paretto` in",
    "{choice: {component: clustered, options: {window: 3d}}}":
        "dataset.choice.options.window: the choice `clustered` has no such option.",
    "{world: {user_prefix: 'a,b'}}": "dataset.world.user_prefix:",
    "{world: {ids: integer, item_prefix: i}}":
        "dataset.world.item_prefix: Ids that are integers have no prefix, found \"i\"; leave it out",
    "{world: {ids: uuid, user_start: 7}}":
        "dataset.world.user_start: UUIDs show no numbers; leave it out, or let dataset.world.ids",
    "{world: {item_start: 4294967295}}": "dataset.world.item_start: The last of 1000 items would be",
    '{world: {user_prefix: "a\\u202E"}}':
        "dataset.world.user_prefix: Holds U+202E, which is not seen or turns the direction",
    "{interactions: 200000000000}":
        "dataset.interactions: Must lie between 1 and 100000000000, found 200000000000.",
    "{interactions: 99999999999999999999}": 'found "99999999999999999999".',
    "{world: {active_users: .nan}}": "dataset.world.active_users: Must be a finite number",
    "{activity: {component: pareto, options: {top_share: .nan}}}":
        'dataset.activity.options.top_share: is ".nan"; write a finite number.',
    "{activity: {component: pareto, options: {top_share: 7}}}":
        "dataset.activity.options.top_share: is 7; it must be",
    "{clock: {component: uniform, options: {window: 5parsecs}}}":
        'dataset.clock.options.window: is "5parsecs"; write a duration such as 250ms, 12h or 30d.',
    "{clock: {component: uniform, options: {start: '9999-12-25T00:00:00Z'}}}":
        "leave the years 1 to 9999. Ask for fewer interactions, for a shorter window or an earlier ",
}


class BadInputTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.spec = self.folder / "spec.yaml"

    def refuse(self, text, *arguments):
        """The refusal of a spec, which has written nothing."""
        self.spec.write_text(text)
        done = worker.run(self.spec, *arguments)
        self.assertEqual(done.returncode, 2, f"{text}\n{done.stderr}")
        self.assertEqual(done.stdout, "")
        self.assertEqual([file.name for file in self.folder.iterdir()], ["spec.yaml"])
        return done.stderr

    def output(self, component="csv", name="out.csv"):
        return (f"outputs: [{{format: {{component: {component}}}, "
                f"sink: {{component: file, options: {{path: {self.folder}/{name}}}}}}}]\n")

    def test_each_mistake_has_its_sentence(self):
        for dataset, sentence in REFUSED.items():
            with self.subTest(dataset):
                self.assertIn(sentence, self.refuse(f"dataset: {dataset}\n{self.output()}"))

    def test_what_a_refusal_of_a_small_world_says_helps(self):
        def refuse(dataset, **fields):
            told = self.refuse(f"dataset: {json.dumps(dataset)}\n{self.output(**fields)}")
            self.assertEqual(len(told.splitlines()), 1, told)
            return told

        def accept(dataset):
            self.spec.write_text(f"dataset: {json.dumps(dataset)}\n"
                                 "outputs: [{format: {component: csv}, sink: {component: 'null'}}]")
            done = worker.run(self.spec)
            self.assertEqual(done.returncode, 0, done.stderr)

        top = "activity `pareto`: the top users are less than half a user of 2 active ones"
        for users, sentence in ((1, "the only active user cannot be both"), (2, top), (3, top)):
            world = {"users": users, "items": 100}
            told = refuse({"interactions": 10, "world": world})
            self.assertIn(sentence, told)
            self.assertIn("ask for more users, at least 3 active ones", told)
            accept({"interactions": 10, "world": {**world, "users": 3, "active_users": 1}})
            if users == 1:
                continue
            fraction = float(re.search(r"raise top_fraction to ([\d.]+\d)", told)[1])
            accept({"interactions": 10, "world": world,
                    "activity": {"component": "pareto", "options": {"top_fraction": fraction}}})

        few = {"size": "quick", "interactions": 100, "world": {"users": 100, "items": 200}}
        told = refuse(few)
        self.assertIn("100 interactions are too few for the top 16 of 80 active users", told)
        fitting = int(re.search(r"The next number that fits is (\d+) \(plan_size, or interactions "
                                r"where that is not given\)", told)[1])
        accept({**few, "plan_size": fitting})
        accept({**few, "interactions": fitting})
        accept({**few, "world": {"users": 20, "items": 200}})

        told = refuse({"world": {"users": 500, "items": 3}})
        share, items = re.search(r"give at least ([\d.]+), or at least (\d+) items[.]", told).groups()
        accept({"world": {"users": 500, "items": int(items), "clusters": [{"name": "a", "share": 1}]}})
        accept({"world": {"users": 500, "items": 3, "popular_items": float(share),
                          "clusters": [{"name": "a", "share": 1}]}})

    def test_all_mistakes_come_at_once(self):
        told = self.refuse("""
dataset:
  sede: 4
  world: {users: 0}
  activity: {component: paretto}
  choice: {component: clustered, options: {preferd: 0.5}}
  clock: {component: uniform, options: {window: 5parsecs}}
outputs:
  - format: {component: csv, options: {delimeter: tab}}
    sink: {component: file}
    columns: [user_id, itemid]
""")
        fields = [line.split(": ")[0] for line in told.splitlines()]
        self.assertEqual(sorted(fields), [
            "dataset.activity.component", "dataset.choice.options.preferd",
            "dataset.clock.options.window", "dataset.sede", "dataset.world.users",
            "outputs[0].columns[1].column", "outputs[0].format.options.delimeter",
            "outputs[0].sink.options.path"])

    def test_a_plugin_that_cannot_be_loaded_is_told_with_its_reason(self):
        with tempfile.TemporaryDirectory() as plugins:
            pathlib.Path(plugins, "broken.so").write_text("no library")
            told = self.refuse(f"dataset: {{choice: {{component: mine}}}}\n{self.output()}",
                               "--plugin-dir", plugins)
        self.assertIn("there is no choice `mine` in", told)
        self.assertIn("broken.so cannot be loaded:", told)

    def test_a_json_document_needs_an_end(self):
        told = self.refuse("dataset: {interactions: null}\n"
                           "outputs: [{format: {component: json}, sink: {component: stdout}}]")
        self.assertIn("outputs[0].format.options.layout: format `json`: A JSON document needs an end",
                      told)

    def test_what_is_no_spec_is_refused(self):
        for text in ("", "- a\n", "dataset: [", "a: 1\n---\nb: 2\n"):
            self.assertTrue(self.refuse(text))
        missing = worker.run(self.folder / "missing.yaml")
        self.assertEqual((missing.returncode, missing.stderr.split(": ")[0]), (2, "--spec"))

    def test_wrong_flags_are_refused(self):
        for arguments in ([], ["walk"], ["run"], ["run", "--spec", "x", "--speed", "9"],
                          ["run", "--spec", "x", "--retry-timeout", "soon"]):
            done = subprocess.run([worker.BINARY, *arguments], capture_output=True, check=False)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertTrue(done.stderr)

    def test_patience_may_be_longer_than_any_clock(self):
        spec = worker.write_spec(self.spec, worker.file_output(self.folder / "out.csv"),
                                 dataset={"size": "quick"})
        done = worker.run(spec, "--retry-timeout", "106751991167d")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_another_file_is_refused_unless_overwritten(self):
        path = self.folder / "out.csv"
        path.write_text("precious\n")
        spec = worker.write_spec(self.spec, worker.file_output(path), dataset={"size": "quick"})
        refused = worker.run(spec)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("overwrite", refused.stderr)
        self.assertEqual(path.read_text(), "precious\n")
        self.assertEqual({file.name for file in self.folder.iterdir()}, {"out.csv", "spec.yaml"})
        output = worker.file_output(path)
        output["sink"]["options"]["overwrite"] = "true"
        done = worker.run(worker.write_spec(self.spec, output, dataset={"size": "quick"}))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(path.read_text().splitlines()), 101)

    def test_a_finished_file_is_already_complete(self):
        path = self.folder / "out.csv"
        spec = worker.write_spec(self.spec, worker.file_output(path))
        first = worker.run(spec)
        changed = path.stat().st_mtime_ns
        again = worker.run(spec)
        self.assertEqual((first.returncode, again.returncode), (0, 0), again.stderr)
        self.assertIn("already complete, 50000 rows", again.stderr)
        self.assertEqual(again.stdout, first.stdout)
        self.assertEqual(path.stat().st_mtime_ns, changed)
        more = worker.run(worker.write_spec(self.spec, worker.file_output(path), dataset={
            "interactions": 60_000, "plan_size": 50_000}))
        self.assertEqual(more.returncode, 0)
        self.assertIn("goes on from row 50000", more.stderr)
        fewer = worker.run(worker.write_spec(self.spec, worker.file_output(path)))
        self.assertEqual(fewer.returncode, 1)
        self.assertIn("is complete with rows up to 60000, and only those below 50000 are asked for "
                      "now. A finished file does not lose rows", fewer.stderr)

    def test_stdout_carries_data_only(self):
        spec = {"name": "rows", "format": {"component": "csv"}, "sink": {"component": "stdout"}}
        done = worker.run(worker.write_spec(self.spec, spec, dataset={"size": "quick"}))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 101)
        self.assertIn("Dataset Statistics", done.stderr)
        quiet = worker.run(self.spec, "--quiet")
        self.assertEqual((quiet.stdout, quiet.stderr), (done.stdout, ""))


if __name__ == "__main__":
    unittest.main()
