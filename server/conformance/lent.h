// What plugins are lent, in memory that is taken back when the contract says so: who uses it for
// longer crashes.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "throng/plugin.h"

namespace throng {

class LentMemory {
 public:
  LentMemory() = default;
  ~LentMemory() { TakeBack(); }
  LentMemory(const LentMemory&) = delete;
  LentMemory& operator=(const LentMemory&) = delete;

  // From now on whoever touches what was lent so far crashes; its addresses are not used again.
  void TakeBack();

  // Copies of what they are given alone, not of what that points to.
  template <class T>
  T* Copy(const T* values, size_t count) {
    const size_t bytes = std::span(values, count).size_bytes();
    auto* copy = static_cast<T*>(Allocate(bytes));
    if (bytes > 0) std::memcpy(copy, values, bytes);
    return copy;
  }
  template <class T>
  T* Copy(const T& value) {
    return Copy(&value, 1);
  }
  const char* Text(const char* text);      // nullptr stays nullptr
  throng_bytes Bytes(throng_bytes bytes);  // with a NUL after them

  // Copies of all of it.
  const throng_value* Options(const throng_value* values, size_t count);
  const throng_schema* Schema(const throng_schema& schema);
  const throng_world* World(const throng_world& world);
  const throng_kind* const* Kinds(const throng_kind* const* kinds, size_t count);
  const throng_target* Target(const throng_target& target);
  const throng_records* Records(const throng_records& records);
  const throng_completion* Completion(const throng_completion& completion);
  const throng_summary* Summary(const throng_summary& summary);
  // But for the columns, which live longer.
  const throng_batch* Batch(const throng_batch& batch);
  // But for the schema, which lives longer.
  const throng_destination* Destination(const throng_destination& destination);

 private:
  struct Chunk {
    char* data;
    size_t capacity;
    size_t size;
  };

  void* Allocate(size_t bytes);
  const char* const* Texts(const char* const* texts, size_t count);

  std::vector<Chunk> chunks_;
};

}  // namespace throng
