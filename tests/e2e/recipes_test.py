"""What recipes write, loaded by the programs that they are named after. (RecBole, which brings
torch with it, is played by the rules of its loader.)"""

import csv
import json
import unittest

import cli_test
import numpy
import pandas
import sklearn.datasets
import surprise

NAMES = ["user_id", "item_id", "rating", "timestamp"]
# Ids beyond 32 bits: numbers that begin high, and more users than a plan has rows for.
HIGH = ("--size", "quick", "--set", "dataset.world.user_start=2147483629")
MANY = ("--users", "2_147_483_648", "--items", "1000", "--set", "dataset.world.active_users=1e-7")


class RecipesTest(cli_test.ScratchTest):
    def generate(self, *arguments, **options):
        return self.client("generate", "-q", "--size", "quick", "--preset", "seed", *arguments,
                           **options)

    def expected(self, *arguments):
        """The same rows as plain CSV."""
        self.generate("--to", "csv:plain.csv", *arguments)
        return pandas.read_csv(self.folder / "plain.csv", parse_dates=["timestamp"])

    def read_back(self, path, *arguments):
        """That our own commands take the file for what it is."""
        self.client("verify", path)
        lines = self.client("tap", path + "".join(arguments), "-o", "jsonl", "-q").stdout
        return [json.loads(line) for line in lines.splitlines()]

    def test_movielens_is_u_data(self):
        self.generate("--to", "movielens:u.data")
        expected = self.expected("--set", "dataset.world.ids=integer")
        text = (self.folder / "u.data").read_text()
        self.assertRegex(text, r"\A(\d+\t\d+\t[1-5](\.5)?\t\d{10}\n){100}\Z")
        # As the README of MovieLens 100K has it, with the types of who loads it.
        found = pandas.read_csv(self.folder / "u.data", sep="\t", names=NAMES,
                                dtype={"user_id": numpy.int32, "item_id": numpy.int32,
                                       "rating": numpy.float32, "timestamp": numpy.int32})
        for column in NAMES[:3]:
            self.assertEqual(found[column].to_list(), expected[column].to_list())
        times = pandas.to_datetime(found["timestamp"], unit="s", utc=True)
        self.assertTrue((times == expected["timestamp"]).all())
        # Surprise has a reader of this very file.
        reader = surprise.Reader(line_format="user item rating timestamp", sep="\t")
        data = surprise.Dataset.load_from_file(str(self.folder / "u.data"), reader)
        self.assertEqual([(user, item, rating) for user, item, rating, _ in data.raw_ratings],
                         [(str(row.user_id), str(row.item_id), row.rating)
                          for row in expected.itertuples()])
        rows = self.read_back("u.data")
        self.assertEqual([row["user_id"] for row in rows], expected["user_id"].map(str).to_list())
        self.client("verify", "u.data", "--any-order")

    def test_surprise_loads_its_own(self):
        self.generate("--to", "surprise:ratings.csv")
        expected = self.expected()
        reader = surprise.Reader(line_format="user item rating timestamp", sep=",")
        data = surprise.Dataset.load_from_file(str(self.folder / "ratings.csv"), reader)
        self.assertEqual([(user, item, rating) for user, item, rating, _ in data.raw_ratings],
                         [(row.user_id, row.item_id, row.rating) for row in expected.itertuples()])
        training = data.build_full_trainset()
        self.assertEqual(training.n_ratings, len(expected))
        self.assertEqual(len(self.read_back("ratings.csv")), len(expected))

    def test_libsvm_is_one_hot_users_and_then_items(self):
        for ids in ("text", "integer"):
            with self.subTest(ids=ids):
                path = self.folder / f"{ids}.libsvm"
                self.generate("--set", f"dataset.world.ids={ids}", "--to", f"libsvm:{path.name}")
                numbers = self.expected("--set", "dataset.world.ids=integer", "--overwrite")
                spec = json.loads((self.folder / f"{path.name}.manifest.json").read_text())["spec"]
                users = int(spec["dataset"]["world"]["users"])
                items = int(spec["dataset"]["world"]["items"])
                matrix, ratings = sklearn.datasets.load_svmlight_file(
                    str(path), n_features=users + items, zero_based=False)
                self.assertEqual(ratings.tolist(), numbers["rating"].to_list())
                self.assertTrue((matrix.data == 1).all())
                self.assertEqual(matrix.indptr.tolist(), list(range(0, 2 * len(numbers) + 1, 2)))
                columns = matrix.indices.reshape(-1, 2)
                self.assertEqual(columns[:, 0].tolist(), (numbers["user_id"] - 1).to_list())
                self.assertEqual(columns[:, 1].tolist(), (numbers["item_id"] - 1 + users).to_list())
                self.client("verify", path.name)
                text = path.read_text()
                path.write_text("1.5" + text[text.index(" "):])
                found = self.client("verify", path.name, exit_code=1).stdout
                self.assertRegex(found, rf"altered rating +0 .* {ratings[0]:.1f} +1.5")
        told = self.client("stats", "text.libsvm", exit_code=2).stderr
        self.assertIn("first_item", told)
        # It has no times, which figures of data are about.
        told = self.client("tap", "text.libsvm?format.first_item=21", exit_code=4).stderr
        self.assertIn("text.libsvm has no column timestamp", told)

    def test_recbole_finds_its_atomic_files(self):
        self.generate("--to", "recbole:out/people")
        expected = self.expected()
        inter = self.atomic("inter")
        self.assertEqual(inter["user_id"].to_list(), expected["user_id"].to_list())
        self.assertEqual(inter["rating"].to_list(), expected["rating"].to_list())
        self.assertEqual(pandas.to_datetime(inter["timestamp"], unit="s", utc=True).to_list(),
                         expected["timestamp"].to_list())
        users, items = self.atomic("user"), self.atomic("item")
        self.assertEqual(list(users), ["user_id", "cluster", "activity_rank", "age_band", "region"])
        self.assertEqual(list(items), ["item_id", "category", "popular", "brand", "price"])
        self.assertLessEqual(set(inter["user_id"]), set(users["user_id"]))
        self.assertLessEqual(set(inter["item_id"]), set(items["item_id"]))
        for row in items.itertuples():
            self.assertTrue(row.brand.startswith(row.category + "-"), row)
        self.assertEqual(len(self.read_back("out/people/people.inter")), len(expected))
        for name in ("user", "item"):
            self.client("verify", f"out/people/people.{name}")

    def atomic(self, suffix):
        """As RecBole's Dataset._load_feat reads a file: names and types by its header."""
        path = self.folder / f"out/people/people.{suffix}"
        with open(path, encoding="utf-8") as file:
            head = file.readline()[:-1]
        columns, dtype = [], {}
        for field_type in head.split("\t"):
            field, kind = field_type.split(":")
            self.assertIn(kind, ("token", "float", "token_seq", "float_seq"))
            columns.append(field)
            dtype[field_type] = numpy.float64 if kind == "float" else str
        frame = pandas.read_csv(path, delimiter="\t", usecols=list(dtype), dtype=dtype,
                                encoding="utf-8", engine="python", quoting=csv.QUOTE_NONE)
        frame.columns = columns
        return frame

    def test_splits_are_recipes_too(self):
        self.generate("--split", "train=0.8,test=0.2", "--to", "movielens:{split}.data",
                      "--to", "recbole:out/{split}")
        lines = [len((self.folder / f"{name}.data").read_text().splitlines())
                 for name in ("train", "test")]
        self.assertEqual(lines, [80, 20])
        for name in ("train", "test"):
            folder = self.folder / "out" / name
            self.assertEqual({file.name for file in folder.iterdir() if "manifest" not in file.name},
                             {f"{name}.inter", f"{name}.user", f"{name}.item"})

    def test_what_a_reader_cannot_take_is_refused_with_field_and_remedy(self):
        spec = self.folder / "text.yaml"
        spec.write_text("dataset: {size: quick, world: {ids: text}}\n")
        told = self.client("generate", "-f", "text.yaml", "--to", "movielens:u.data",
                           exit_code=2).stderr
        self.assertRegex(told, r"outputs\[0\]\.format\.options\.integer_ids: .*user_id has ids that "
                               "are no integers; set dataset.world.ids to integer")
        told = self.client("generate", *HIGH, "--to", "movielens:u.data", exit_code=2).stderr
        self.assertRegex(told, r"integer_ids: .*The last id of the column user_id is 2147483648, "
                               "and readers take integers up to 2147483647; ask for fewer")
        told = self.client("generate", *MANY, "--to", "libsvm:a.libsvm", exit_code=2).stderr
        self.assertRegex(told, r"outputs\[0\]\.format.*need 2147484648 indexes.*; ask for fewer users")
        told = self.client("generate", "--set", "dataset.world.ids=uuid", "--to", "libsvm:a.libsvm",
                           exit_code=2).stderr
        self.assertRegex(told, r"outputs\[0\]\.format: .*user_id are UUIDs, .*dataset.world.ids be text")
        told = self.client("generate", "--to", "recbole:-", exit_code=2).stderr
        self.assertIn("--to recbole:-: its files are named as the folder they lie in", told)
        told = self.client("generate", "--to", "movielens:u.data?format.delimiter=1",
                           exit_code=2).stderr
        self.assertIn("outputs[0].format.options.delimiter:", told)
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"tmp", "text.yaml"})


if __name__ == "__main__":
    unittest.main()
