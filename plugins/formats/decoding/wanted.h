// What a decoder is asked for, and what it reports that it could not read.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "throng/source.h"

namespace throng::plugins {

// A column that is wanted, as throng_wanted.
struct Wanted {
  uint32_t type;
  bool is_required;
  std::string name;
};

inline std::vector<Wanted> WantedOf(const throng_origin& origin) {
  std::vector<Wanted> wanted;
  for (uint32_t i = 0; i < origin.wanted_count; ++i) {
    wanted.push_back(
        {origin.wanted[i]->type, origin.wanted[i]->is_required != 0, origin.wanted[i]->name});
  }
  return wanted;
}

// Whether a record that has no value of it, as by an empty text or null, is damaged. Ratings may be
// left out, so a number with a fraction may.
inline bool MustHaveValue(const Wanted& wanted) {
  return wanted.is_required && wanted.type != THRONG_FOUND_FLOAT64;
}

// "user_id, item_id" of names, as sentences list them.
inline std::string Listed(const std::vector<std::string>& names) {
  constexpr size_t kMost = 20;
  std::string text;
  for (size_t i = 0; i < names.size() && i < kMost; ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > kMost ? text + ", ..." : text;
}

// The damages of one call.
class Damages {
 public:
  static constexpr uint32_t kWholeRecord = UINT32_MAX;
  void Clear() {
    damages_.clear();
    sentences_.clear();
  }
  bool empty() const { return damages_.empty(); }
  void Add(int64_t offset, uint32_t row, uint32_t wanted, std::string sentence) {
    sentences_.push_back(std::move(sentence));
    damages_.push_back({offset, row, wanted, sentences_.back().c_str()});
  }
  void Report(throng_decoded& decoded) const {
    decoded.damages = damages_.data();
    decoded.damages_count = static_cast<uint32_t>(damages_.size());
  }

 private:
  std::deque<std::string> sentences_;
  std::vector<throng_damage> damages_;
};

}  // namespace throng::plugins
