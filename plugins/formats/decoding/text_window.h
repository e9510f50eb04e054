// The text of a piece as it comes, in a window that a decoder looks at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "throng/source.h"

namespace throng::plugins {

// A record of more bytes is none.
inline constexpr size_t kMostRecordBytes = size_t{16} << 20;

// The window grows while nothing of it is taken, up to kMostRecordBytes, and may be written to, as
// to unescape in place. It stays where it is until it is filled again.
class TextWindow {
 public:
  void Begin();

  // Takes what it can of the input behind what was consumed so far in this call; false: there is
  // nothing more. Whoever has taken everything meets a window that begins anew.
  bool Fill(const throng_input& input);
  // Whether it is as large as it may be, and full.
  bool IsFull() const { return end_ - begin_ >= kMostRecordBytes; }
  // To be called with each input, first and last: how much of it was consumed.
  void StartInput() { used_ = 0; }
  size_t used() const { return used_; }

  char* begin() { return buffer_.get() + begin_; }
  char* end() { return buffer_.get() + end_; }
  size_t size() const { return end_ - begin_; }
  // Puts a line's end behind the text; once, where the piece ends.
  void EndLine() { buffer_[end_++] = '\n'; }
  void Take(size_t bytes) {
    begin_ += bytes;
    offset_ += static_cast<int64_t>(bytes);
  }
  int64_t offset() const { return offset_; }  // of its begin in the text

 private:
  void MakeRoom();

  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t used_ = 0;
  int64_t offset_ = 0;
};

}  // namespace throng::plugins
