// How the ids of a world's users, or of its items, are written, and read back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "throng/v1/spec.pb.h"

namespace throng {

class IdText {
 public:
  // A prefix and a number.
  explicit IdText(std::string prefix, int64_t first = 1)
      : prefix_(std::move(prefix)), first_(first) {}
  // As a spec that is filled in has them.
  static IdText OfUsers(const v1::DatasetSpec& spec);
  static IdText OfItems(const v1::DatasetSpec& spec);

  v1::Ids style() const { return style_; }
  bool IsUuid() const { return style_ == v1::IDS_UUID; }
  // UUIDs have none.
  const std::string& prefix() const { return prefix_; }
  // What is shown of number 0. Of UUIDs, which show none, 1.
  int64_t first() const { return first_; }
  // Of UUIDs: see throng_column.
  uint64_t key() const { return key_; }

  // Of a user's, or item's, number from 0 on.
  std::string Of(int64_t number) const;
  // Its UUID as 16 bytes.
  void PutUuid(int64_t number, char* bytes) const;
  // The number from 0 on whose UUID a text is, in either case; below 2^32.
  std::optional<int64_t> NumberOfUuid(std::string_view text) const;

 private:
  v1::Ids style_ = v1::IDS_TEXT;
  std::string prefix_;
  int64_t first_ = 1;
  uint64_t key_ = 0;
};

}  // namespace throng
