#include "server/inspection/verify_findings.h"

#include <algorithm>

namespace throng {

bool Findings::WantsExample(v1::DifferenceKind kind, const std::string& column) const {
  const auto found = differences_.find({kind, column});
  return found == differences_.end() || found->second.examples_size() < kExamples;
}

void Findings::Count(v1::DifferenceKind kind, int64_t count, const std::string& column) {
  if (count == 0) return;
  v1::Difference& difference = differences_[{kind, column}];
  difference.set_kind(kind);
  difference.set_column(column);
  difference.set_count(difference.count() + count);
  total_ += count;
}

void Findings::AddExample(v1::DifferenceKind kind, v1::DifferenceExample example,
                          const std::string& column) {
  if (!WantsExample(kind, column)) return;
  *differences_[{kind, column}].add_examples() = std::move(example);
}

void Findings::Add(v1::DifferenceKind kind, v1::DifferenceExample example,
                   const std::string& column) {
  Count(kind, 1, column);
  AddExample(kind, std::move(example), column);
}

void Findings::Retract(v1::DifferenceKind kind, int64_t row) {
  v1::Difference& difference = differences_[{kind, ""}];
  difference.set_count(difference.count() - 1);
  --total_;
  auto* examples = difference.mutable_examples();
  examples->erase(std::remove_if(examples->begin(), examples->end(),
                                 [row](const auto& e) { return e.has_row() && e.row() == row; }),
                  examples->end());
}

void Findings::Remark(const std::string& sentence) {
  if (std::find(remarks_.begin(), remarks_.end(), sentence) == remarks_.end()) {
    remarks_.push_back(sentence);
  }
}

int64_t Findings::CountOf(v1::DifferenceKind kind) const {
  int64_t count = 0;
  for (const auto& [key, difference] : differences_) {
    if (key.first == kind) count += difference.count();
  }
  return count;
}

void Findings::AddTo(v1::Verification* verification) const {
  for (const auto& [key, difference] : differences_) {
    if (difference.count() > 0) *verification->add_differences() = difference;
  }
  for (const std::string& remark : remarks_) verification->add_remarks(remark);
}

v1::DifferenceExample ExampleAt(const std::string& piece, int64_t offset,
                                const std::string& expected, const std::string& found) {
  v1::DifferenceExample example;
  example.set_piece(piece);
  example.set_offset(offset);
  example.set_expected(expected);
  example.set_found(found);
  return example;
}

}  // namespace throng
