// What verification finds, kind by kind: how many, and the first of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "throng/v1/verification.pb.h"

namespace throng {

class Findings {
 public:
  static constexpr int kExamples = 10;

  // Whether another example of the kind is wanted.
  bool WantsExample(v1::DifferenceKind kind, const std::string& column = "") const;
  void Count(v1::DifferenceKind kind, int64_t count, const std::string& column = "");
  // Counts one, of which this is an example.
  void Add(v1::DifferenceKind kind, v1::DifferenceExample example, const std::string& column = "");
  // An example of what is counted already.
  void AddExample(v1::DifferenceKind kind, v1::DifferenceExample example,
                  const std::string& column = "");
  // Takes back one of a row.
  void Retract(v1::DifferenceKind kind, int64_t row);
  void Remark(const std::string& sentence);
  int64_t CountOf(v1::DifferenceKind kind) const;
  // Of all kinds.
  int64_t total() const { return total_; }
  // Adds what was found to a result.
  void AddTo(v1::Verification* verification) const;

 private:
  std::map<std::pair<int, std::string>, v1::Difference> differences_;
  std::vector<std::string> remarks_;
  int64_t total_ = 0;
};

// An example at a place.
v1::DifferenceExample ExampleAt(const std::string& piece, int64_t offset,
                                const std::string& expected, const std::string& found);

}  // namespace throng
