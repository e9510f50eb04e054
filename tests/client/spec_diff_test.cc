#include "client/spec_diff.h"

#include <gtest/gtest.h>

namespace throng {
namespace {

v1::RunSpec Spec() {
  v1::RunSpec spec;
  spec.mutable_dataset()->set_preset("shop");
  spec.mutable_dataset()->set_seed(42);
  (*spec.mutable_dataset()->mutable_clock()->mutable_options())["start"] = "2024-01-01T00:00:00Z";
  spec.add_outputs()->set_name("csv");
  return spec;
}

std::string Text(const std::vector<RunChange>& changes) {
  std::string text;
  for (const RunChange& change : changes) {
    text += change.field + ": " + change.from + " -> " + change.to +
            (change.refusal.empty() ? "" : " (" + change.refusal + ")") + "\n";
  }
  return text;
}

TEST(SpecDiff, OfEqualSpecsIsEmpty) { EXPECT_EQ(Text(DiffSpecs(Spec(), Spec(), false)), ""); }

TEST(SpecDiff, TellsFieldsAndWhatARunCannotChange) {
  v1::RunSpec wanted = Spec();
  wanted.mutable_dataset()->set_seed(7);
  wanted.mutable_outputs(0)->set_name("rows");
  wanted.add_outputs()->set_name("more");
  wanted.mutable_pace()->set_rate(1000);
  wanted.set_threads(2);
  EXPECT_EQ(Text(DiffSpecs(Spec(), wanted, false)),
            "dataset.seed: 42 -> 7 (a run keeps its dataset)\n"
            "outputs[0].name: csv -> rows (a run keeps its outputs)\n"
            "outputs[1].name: - -> more (a run keeps its outputs)\n"
            "pace.rate: - -> 1000.0\n"
            "threads: - -> 2\n");
  EXPECT_EQ(Text(DiffSpecs(wanted, Spec(), false)).substr(0, 48),
            "dataset.seed: 7 -> 42 (a run keeps its dataset)\n");
}

TEST(SpecDiff, NamesOfPresetsAreNoDifference) {
  v1::RunSpec wanted = Spec();
  wanted.mutable_dataset()->set_preset("");
  wanted.mutable_dataset()->set_size("quick");
  EXPECT_EQ(Text(DiffSpecs(Spec(), wanted, false)), "");
}

TEST(SpecDiff, RelativeTimesAreThoseOfTheCreation) {
  v1::RunSpec wanted = Spec();
  (*wanted.mutable_dataset()->mutable_clock()->mutable_options())["start"] = "2024-01-02T00:00:00Z";
  EXPECT_EQ(Text(DiffSpecs(Spec(), wanted, true)), "");
  EXPECT_EQ(
      Text(DiffSpecs(Spec(), wanted, false)),
      "dataset.clock.options.start: 2024-01-01T00:00:00Z -> 2024-01-02T00:00:00Z (a run keeps "
      "its dataset)\n");
  v1::SpecSource source;
  source.add_layers()->set_text("dataset: {seed: 1}");
  EXPECT_FALSE(HasRelativeTimes(source));
  source.add_layers()->set_text("dataset: {clock: {options: {start: now-7d}}}");
  EXPECT_TRUE(HasRelativeTimes(source));
}

TEST(SpecDiff, LabelsThatNobodyWantsStay) {
  v1::Run is, wanted;
  (*is.mutable_labels())["team"] = "x";
  (*is.mutable_labels())["old"] = "y";
  (*wanted.mutable_labels())["team"] = "z";
  (*wanted.mutable_labels())["new"] = "";
  EXPECT_EQ(Text(DiffTexts("labels", is.labels(), wanted.labels())),
            "labels.new: - -> \nlabels.team: x -> z\n");
}

}  // namespace
}  // namespace throng
