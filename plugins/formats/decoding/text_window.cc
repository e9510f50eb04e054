#include "plugins/formats/decoding/text_window.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace throng::plugins {
namespace {

// Room for what is decoded at once: a few thousand rows.
constexpr size_t kUsualBytes = size_t{256} << 10;

}  // namespace

void TextWindow::Begin(const std::string& name) {
  decompressor_.Begin(name);
  begin_ = end_ = used_ = owed_ = 0;
  offset_ = 0;
  is_ended_ = false;
  if (buffer_ == nullptr) MakeRoom();
}

void TextWindow::MakeRoom() {
  const size_t kept = size();
  if (kept == capacity_ || buffer_ == nullptr) {
    const size_t capacity = std::clamp(2 * capacity_, kUsualBytes, kMostRecordBytes);
    std::unique_ptr<char[]> larger(new char[capacity + 1]);
    if (kept > 0) std::memcpy(larger.get(), begin(), kept);
    buffer_ = std::move(larger);
    capacity_ = capacity;
  } else if (begin_ > 0) {
    std::memmove(buffer_.get(), begin(), kept);
  }
  begin_ = 0;
  end_ = kept;
}

TextWindow::Filled TextWindow::Fill(const throng_input& input) {
  if (IsFull() || is_ended_) return Filled::kNothing;
  const size_t left = input.bytes.size - used_;
  // Without more, rows may point into the window, and only the end is found out about; or the whole
  // text is a few bytes that were taken to tell whether it is compressed.
  const bool has_more = left > 0 || decompressor_.has_pending();
  if (has_more) MakeRoom();
  const size_t room = has_more || end_ == 0 ? capacity_ - end_ : 0;
  Decompressor::Step step =
      decompressor_.Run({input.bytes.data + used_, left}, end(), room, input.ends_piece != 0);
  used_ += step.consumed;
  end_ += step.produced;
  if (!step.fault.empty()) {
    fault_ = std::move(step.fault);
    return Filled::kBroken;
  }
  return step.produced > 0 ? Filled::kMore : Filled::kNothing;
}

}  // namespace throng::plugins
