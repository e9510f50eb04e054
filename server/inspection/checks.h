// How a checklist is written down.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "throng/v1/checklist.pb.h"

namespace throng {

// Adds checks to a list, each by one call.
class Checks {
 public:
  explicit Checks(v1::Checklist* list) : list_(*list) {}

  // A check that passes or fails, with the reason for either.
  void Add(const std::string& id, const std::string& title, bool holds, std::string figure,
           std::string expected, std::string reason);
  // One that nobody looked at, and why.
  void Skip(const std::string& id, const std::string& title, std::string reason,
            std::string expected = "");

 private:
  v1::Checklist& list_;
};

// "2.5%", "80%": as many decimals as it needs, at most two.
std::string Percent(double share);
// "1 row", "3 rows".
std::string Counted(int64_t count, const std::string& one, const std::string& many);

}  // namespace throng
