#!/usr/bin/env python3
"""Whether recommenders find something to learn, from a CSV file alone.

    learn.py FILE [--users N] [--items N]

A fifth of the rows is predicted from the others: the last ones, or ones drawn at random. Prints for
each split and model
  all       NDCG@10 of the user's items in the fifth;
  new       NDCG@10 of those that the user did not have before, among those;
  tail AUC  how often such an item of the tail (not of the tenth that has most rows) stands above
            another one of the tail that the user never has;
  RMSE      of ratings, also with the last row alone of each user and item ("unique").
Settings of the models are fixed, as are their seeds. Needs numpy, implicit and scikit-surprise.
"""


import implicit.als
import implicit.bpr
import numpy
import scipy.sparse
import surprise

import interactions

SEED = 0
TOP = 10
OTHERS = 8  # items that each item of the tail is compared with
DISCOUNTS = 1 / numpy.log2(numpy.arange(2, TOP + 2))


def is_held_out(rows, split):
    if split == "time":
        return numpy.arange(len(rows)) >= int(0.8 * len(rows))
    return numpy.random.default_rng(SEED).random(len(rows)) < 0.2


def als(counts, factors, regularization):
    model = implicit.als.AlternatingLeastSquares(
        factors=factors, iterations=15, regularization=regularization, alpha=2.0,
        random_state=SEED, num_threads=1)
    model.fit(scipy.sparse.csr_matrix(counts), show_progress=False)
    return model.user_factors @ model.item_factors.T


def bpr(counts, factors):
    model = implicit.bpr.BayesianPersonalizedRanking(
        factors=factors, iterations=150, learning_rate=0.05, regularization=0.01,
        random_state=SEED, num_threads=1, verify_negative_samples=True)
    model.fit(scipy.sparse.csr_matrix(counts), show_progress=False)
    return model.user_factors @ model.item_factors.T


def nearest_neighbours(had):
    """The sum of an item's cosines with the items that the user had."""
    together = (had.T @ had).astype(float)
    lengths = numpy.sqrt(numpy.diag(together) + 1e-9)
    cosines = together / numpy.outer(lengths, lengths)
    numpy.fill_diagonal(cosines, 0)
    return had @ cosines.astype(numpy.float32)


def ease(had, regularization):
    """H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data, 2019."""
    together = (had.T @ had).astype(float)
    inverse = numpy.linalg.inv(together + regularization * numpy.eye(len(together)))
    weights = -inverse / numpy.diag(inverse)
    numpy.fill_diagonal(weights, 0)
    return had @ weights.astype(numpy.float32)


def scores(counts):
    """Models by name, and their scores of users x items; `counts` are the rows of each pair."""
    had = (counts > 0).astype(numpy.float32)
    yield "popularity", numpy.tile(counts.sum(axis=0), (len(counts), 1))
    yield "kNN", nearest_neighbours(had)
    yield "EASE", ease(had, 300)
    yield "ALS 8", als(counts, 8, 0.05)
    yield "ALS 32", als(counts, 32, 0.1)
    yield "BPR", bpr(counts, 16)


def ndcg(score, wanted):
    """The mean over users of NDCG@10."""
    top = numpy.argpartition(-score, TOP, axis=1)[:, :TOP]
    order = numpy.take_along_axis(score, top, axis=1).argsort(axis=1)[:, ::-1]
    top = numpy.take_along_axis(top, order, axis=1)
    gains = (numpy.take_along_axis(wanted, top, axis=1) * DISCOUNTS).sum(axis=1)
    best = numpy.cumsum(DISCOUNTS)[numpy.minimum(wanted.sum(axis=1), TOP) - 1]
    return (gains / best).mean()


class Comparisons:
    """New items of the tail in the held-out rows, each with other ones of the tail."""

    def __init__(self, rows, counts, wanted, chance):
        item_rows = numpy.bincount(rows.items, minlength=rows.item_count)
        popular = numpy.argsort(-item_rows, kind="stable")[:round(0.1 * rows.item_count)]
        is_tail = counts.sum(axis=0) > 0
        is_tail[popular] = False
        is_known = counts.sum(axis=1) > 0
        users, items = numpy.nonzero(wanted & (counts == 0) & is_tail & is_known[:, None])
        self.users, self.items = users[:, None], items[:, None]
        self.others = chance.choice(numpy.nonzero(is_tail)[0], size=(len(users), OTHERS))
        self.count = (counts[self.users, self.others] == 0) & ~wanted[self.users, self.others]

    def area(self, score):
        above = score[self.users, self.items] - score[self.users, self.others]
        return ((above > 0) + 0.5 * (above == 0))[self.count].mean()


def ranking(rows, split):
    """NDCG@10 of all and of new items, and the tail's AUC, by model."""
    held_out = is_held_out(rows, split)
    chance = numpy.random.default_rng(SEED)
    counts = numpy.zeros((rows.user_count, rows.item_count), numpy.float32)
    numpy.add.at(counts, (rows.users[~held_out], rows.items[~held_out]), 1)
    wanted = numpy.zeros(counts.shape, bool)
    wanted[rows.users[held_out], rows.items[held_out]] = True
    is_known = counts.any(axis=1)
    some, new = is_known & wanted.any(axis=1), wanted & (counts == 0)
    some_new = is_known & new.any(axis=1)
    comparisons = Comparisons(rows, counts, wanted, chance)
    measures = {}
    for model, score in scores(counts):
        # Equal scores are put in an order by chance.
        score = score + 1e-6 * abs(score).max() * chance.random(score.shape, dtype=numpy.float32)
        measures[model, "all"] = ndcg(score[some], wanted[some])
        measures[model, "tail AUC"] = comparisons.area(score)
        score[counts > 0] = -numpy.inf
        measures[model, "new"] = ndcg(score[some_new], new[some_new])
    return measures


def rating_errors(rows, split, unique=False):
    """The RMSE of ratings, by model."""
    if unique:
        _, last = numpy.unique(rows.pairs()[::-1], return_index=True)
        rows = rows.only(numpy.sort(len(rows) - 1 - last))
    held_out = is_held_out(rows, split)
    known, asked = rows.only(~held_out), rows.only(held_out)
    reader = surprise.Reader(rating_scale=(rows.ratings.min(), rows.ratings.max()))
    train = surprise.Dataset(reader).construct_trainset(
        [(*row, None) for row in zip(known.users, known.items, known.ratings)])
    test = list(zip(asked.users, asked.items, asked.ratings))
    column = "RMSE, unique" if unique else "RMSE"
    measures = {("mean", column): numpy.sqrt(((asked.ratings - known.ratings.mean()) ** 2).mean())}
    for name, model in (("biases", surprise.BaselineOnly(verbose=False)),
                        ("SVD", surprise.SVD(random_state=SEED)),
                        ("SVD 20", surprise.SVD(n_factors=20, n_epochs=30, reg_all=0.06,
                                                random_state=SEED))):
        predictions = numpy.array([prediction.est for prediction in model.fit(train).test(test)])
        measures[name, column] = numpy.sqrt(((predictions - asked.ratings) ** 2).mean())
    return measures


def measure(rows):
    """All measures by (split, model, measure)."""
    measures = {}
    for split in ("time", "random"):
        found = {**ranking(rows, split), **rating_errors(rows, split)}
        if split == "random":
            found.update(rating_errors(rows, split, unique=True))
        measures.update({(split, *name): value for name, value in found.items()})
    return measures


def main():
    for (split, model, name), value in measure(interactions.from_command_line(__doc__)).items():
        print(f"{split:8} {model:12} {name:14} {value:8.4f}")


if __name__ == "__main__":
    main()
