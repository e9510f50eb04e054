"""Interactions as a CSV file has them: user_id,item_id,rating,timestamp, and nothing else."""

import argparse
import csv
import dataclasses

import numpy


@dataclasses.dataclass
class Interactions:
    """Rows in order of time. Users and items are numbered from 0; the counts are those of the
    world, with users and items of which the file has no row."""

    users: numpy.ndarray
    items: numpy.ndarray
    ratings: numpy.ndarray
    times: numpy.ndarray  # milliseconds since 1970
    user_count: int
    item_count: int

    def __len__(self):
        return len(self.users)

    def only(self, chosen):
        """These rows alone; users and items keep their numbers."""
        return dataclasses.replace(self, users=self.users[chosen], items=self.items[chosen],
                                   ratings=self.ratings[chosen], times=self.times[chosen])

    def pairs(self):
        """A number for the user and item of each row."""
        return self.users * self.item_count + self.items


def numbered(ids, count):
    """Numbers from 0 for ids, and how many there are, at least `count`."""
    known, numbers = numpy.unique(ids, return_inverse=True)
    return numbers, max(count, len(known))


def read(path, users=0, items=0):
    """The interactions of a CSV file, of a world of so many users and items (0: those it names)."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        columns = zip(*((row["user_id"], row["item_id"], row["rating"], row["timestamp"])
                        for row in rows))
        user_ids, item_ids, ratings, timestamps = map(numpy.array, columns)
    times = numpy.char.rstrip(timestamps, "Z").astype("datetime64[ms]").astype(numpy.int64)
    user_numbers, users = numbered(user_ids, users)
    item_numbers, items = numbered(item_ids, items)
    rows = Interactions(user_numbers, item_numbers, ratings.astype(float), times, users, items)
    return rows.only(numpy.argsort(times, kind="stable"))


def from_command_line(doc):
    """Those of the file that the command line of a module with this docstring names."""
    parser = argparse.ArgumentParser(description=doc.split("\n", maxsplit=1)[0])
    parser.add_argument("file", help="CSV with the columns user_id, item_id, rating, timestamp")
    parser.add_argument("--users", type=int, default=0, help="users of the world")
    parser.add_argument("--items", type=int, default=0, help="items of the world")
    arguments = parser.parse_args()
    return read(arguments.file, arguments.users, arguments.items)
