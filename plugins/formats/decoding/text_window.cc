#include "plugins/formats/decoding/text_window.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace throng::plugins {
namespace {

// Room for what is decoded at once: a few thousand rows.
constexpr size_t kUsualBytes = size_t{256} << 10;

}  // namespace

void TextWindow::Begin() {
  begin_ = end_ = used_ = 0;
  offset_ = 0;
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

bool TextWindow::Fill(const throng_input& input) {
  const size_t left = input.bytes.size - used_;
  if (left == 0 || IsFull()) return false;
  MakeRoom();
  const size_t taken = std::min(left, capacity_ - end_);
  std::memcpy(buffer_.get() + end_, input.bytes.data + used_, taken);
  end_ += taken;
  used_ += taken;
  return true;
}

}  // namespace throng::plugins
