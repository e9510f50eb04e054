// Ids of any kind as small numbers, in the order in which they were met.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/dataset/id_text.h"

namespace throng {

// What is in order of ids stays so however they are spread: ids that are a prefix and a number
// (decimal, below 2^32, no zero before it), or UUIDs of a world, cost some 20 bytes each, others
// their text twice.
class Ids {
 public:
  // How they are written, if it is known; else the prefix is that of the first id that ends with a
  // number.
  explicit Ids(std::optional<IdText> text = {});

  // From 0 on; ids that are equal have the same. At most 2^32 - 1 of them.
  uint32_t IndexOf(std::string_view id);
  // Of prefix and number, or the UUID of that one; a prefix is known, or UUIDs are.
  uint32_t IndexOf(int64_t number);

  size_t size() const { return codes_.size(); }
  const std::string& prefix() const { return *prefix_; }
  bool has_prefix() const { return prefix_.has_value(); }
  // The number behind the prefix, or of the UUID, from 1 on; -1: it has none.
  int64_t NumberOf(uint32_t index) const { return codes_[index] < 0 ? -1 : codes_[index]; }
  // As long as there is no prefix, -1.
  int64_t NumberBehindPrefix(uint32_t index) const { return prefix_ ? NumberOf(index) : -1; }
  std::string TextOf(uint32_t index) const;
  // Of the text, the same in every process.
  uint64_t HashOf(uint32_t index) const;

 private:
  struct TextHash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  // The number of an id that is the prefix and one, or a UUID.
  std::optional<int64_t> NumberIn(std::string_view id) const;
  uint32_t Add(int64_t code);

  std::optional<IdText> uuids_;
  std::optional<std::string> prefix_;              // never of UUIDs
  std::vector<int64_t> codes_;                     // the number, or -1 - the place in texts_
  std::vector<uint32_t> direct_;                   // by small numbers: 1 + the index; 0: not met
  std::unordered_map<int64_t, uint32_t> numbers_;  // the others
  std::unordered_map<std::string, uint32_t, TextHash, std::equal_to<>> texts_by_id_;
  std::deque<std::string_view> texts_;
};

}  // namespace throng
