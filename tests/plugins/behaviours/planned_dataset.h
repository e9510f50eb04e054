// A dataset planned from the text of a spec with the plugins of this build, for tests of what its
// rows promise.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/dataset/plan.h"
#include "server/host/behaviours.h"
#include "server/host/catalogue.h"
#include "server/spec/reader.h"

namespace throng {

class PlannedDataset {
 public:
  // `dataset` is the part below `dataset:`, as YAML in braces, of the preset `seed` unless it names
  // another; the plugins are those of the build, or of another folder, which the first dataset from
  // there loads for good.
  explicit PlannedDataset(const std::string& dataset,
                          const std::string& folder = THRONG_PLUGIN_FOLDER) {
    const SpecLayer layers[] = {{"default", "dataset: {preset: seed}"},
                                {"test", "dataset: " + dataset +
                                             "\noutputs: [{format: {component: csv}, "
                                             "sink: {component: 'null'}}]\n"}};
    const std::optional<v1::RunSpec> spec = ReadSpec(layers, &problems_);
    if (spec) plan_ = PlanDataset(spec->dataset(), Plugins(folder), environment_, 0, &problems_);
  }

  // Null if there are problems.
  const Plan* plan() const { return plan_.get(); }
  const Problems& problems() const { return problems_; }

  // Rows [first, first + rows) in one piece.
  Columns Rows(int64_t first, int64_t rows) const {
    const auto generator = plan_->MakeGenerator();
    EXPECT_TRUE(generator.ok()) << generator.status();
    Columns columns(static_cast<size_t>(rows));
    const absl::Status status = (*generator)->Fill(first, rows, &columns, 0);
    EXPECT_TRUE(status.ok()) << status;
    return columns;
  }

 private:
  static const Catalogue& Plugins(const std::string& folder) {
    static std::map<std::string, Catalogue> catalogues;
    const auto known = catalogues.find(folder);
    if (known != catalogues.end()) return known->second;
    return catalogues.emplace(folder, Catalogue::Load({folder}).value()).first->second;
  }

  Environment environment_;
  Problems problems_;
  std::unique_ptr<Plan> plan_;
};

// Whether `part` has the rows of `whole` from `first` on, with every column that outlives a block.
inline void ExpectSameRows(const Columns& part, const Columns& whole, int64_t first = 0) {
  ASSERT_LE(static_cast<size_t>(first) + part.capacity(), whole.capacity());
  const auto expect_same = [first](const char* name, const auto& of_part, const auto& of_whole) {
    EXPECT_TRUE(std::equal(of_part.begin(), of_part.end(), of_whole.begin() + first))
        << name << " from row " << first << " on";
  };
  expect_same("place", part.place, whole.place);
  expect_same("user", part.user, whole.user);
  expect_same("user_row", part.user_row, whole.user_row);
  expect_same("user_rows", part.user_rows, whole.user_rows);
  expect_same("run_row", part.run_row, whole.run_row);
  expect_same("run_rows", part.run_rows, whole.run_rows);
  expect_same("session", part.session, whole.session);
  expect_same("session_row", part.session_row, whole.session_row);
  expect_same("session_rows", part.session_rows, whole.session_rows);
  expect_same("time", part.time, whole.time);
  expect_same("item", part.item, whole.item);
  expect_same("kind", part.kind, whole.kind);
  expect_same("kind_row", part.kind_row, whole.kind_row);
  expect_same("rating", part.rating, whole.rating);
}

}  // namespace throng
