// The members of a JSON object that are wanted of a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/formats/decoding/values.h"
#include "plugins/formats/decoding/wanted.h"
#include "plugins/formats/json/cursor.h"
#include "throng/source.h"

namespace throng::plugins {

class RowMembers {
 public:
  explicit RowMembers(TimeForm form) : times_(form) {}

  void Begin(const throng_origin& origin);
  // Forgets what rows of the call before point to.
  void Clear() { texts_.clear(); }

  // Reads the object at the cursor.
  JsonRead Read(JsonCursor* cursor);
  // Whether a member of that name is wanted.
  bool IsWanted(std::string_view name) const;
  // The first required member that the object lacks, or NULL.
  const Wanted* Missing() const;
  // The names of the object's members.
  std::string Names() const;
  // Writes what was read into the row; false: a value cannot be, as `wanted` and `sentence` tell.
  bool Write(throng_decoded& decoded, uint32_t* wanted, std::string* sentence);

 private:
  // The member that is wanted, told by its place first: objects mostly have the same order.
  size_t Find(const JsonValue& key, size_t place);

  TimeReader times_;
  std::vector<Wanted> wanted_;
  std::vector<JsonValue> values_;  // by wanted
  std::vector<bool> has_;
  std::vector<size_t> places_;  // of the object before: the wanted one by its place
  std::string_view object_;
  std::deque<std::string> texts_;  // unescaped
};

}  // namespace throng::plugins
