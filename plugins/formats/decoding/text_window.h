// The text of a piece as it comes, in a window that a decoder looks at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "plugins/formats/compression/decompressor.h"
#include "plugins/formats/decoding/wanted.h"
#include "throng/source.h"

namespace throng::plugins {

// A record of more bytes is none.
inline constexpr size_t kMostRecordBytes = size_t{16} << 20;

// The window grows while nothing of it is taken, up to kMostRecordBytes, and may be written to, as
// to unescape in place.
class TextWindow {
 public:
  // Begins the piece `name`.
  void Begin(const std::string& name);

  char* begin() { return buffer_.get() + begin_; }
  char* end() { return buffer_.get() + end_; }
  size_t size() const { return end_ - begin_; }
  // Whether it is as large as it may be, and full.
  bool IsFull() const { return size() >= kMostRecordBytes; }
  // Whether the text ends with what is in it.
  bool is_ended() const { return is_ended_; }
  void Take(size_t bytes) {
    begin_ += bytes;
    offset_ += static_cast<int64_t>(bytes);
  }
  int64_t offset() const { return offset_; }  // of its begin in the text, once decompressed

  // Gives the text of an input to a decoder, with `decode()`, which takes what it can of the window
  // into rows and damages, until there is no room for a row or it needs more text; behind the
  // text's end stands a line's end that is not its own. Where the record at hand can never be read,
  // `give_up(sentence, ends)` reports it, the whole window is dropped, and what follows is the rest
  // of it, or, if it ends, another one.
  template <class Decode, class GiveUp>
  void DecodeInput(const throng_input& input, throng_decoded& decoded, Damages& damages,
                   const Decode& decode, const GiveUp& give_up);

 private:
  template <class Decode, class GiveUp>
  void DecodeAll(const throng_input& input, const throng_decoded& decoded, const Damages& damages,
                 const Decode& decode, const GiveUp& give_up);
  enum class Filled { kMore, kNothing, kBroken };
  Filled Fill(const throng_input& input);
  void MakeRoom();
  void Drop() { Take(size()); }

  Decompressor decompressor_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  int64_t offset_ = 0;
  bool is_ended_ = false;
  size_t used_ = 0;  // of the input at hand
  size_t owed_ = 0;  // bytes of it that were used in the call before
  std::string fault_;
};

template <class Decode, class GiveUp>
void TextWindow::DecodeInput(const throng_input& input, throng_decoded& decoded, Damages& damages,
                             const Decode& decode, const GiveUp& give_up) {
  damages.Clear();
  used_ = std::exchange(owed_, 0);
  try {
    DecodeAll(input, decoded, damages, decode, give_up);
  } catch (...) {
    damages.Report(decoded);  // what was found before counts
    throw;
  }
  decoded.consumed = used_;
  // Who is told that all is consumed may not come again.
  if (decompressor_.has_pending() && used_ == input.bytes.size && used_ > 0) {
    --decoded.consumed;
    owed_ = 1;
  }
  damages.Report(decoded);
}

template <class Decode, class GiveUp>
void TextWindow::DecodeAll(const throng_input& input, const throng_decoded& decoded,
                           const Damages& damages, const Decode& decode, const GiveUp& give_up) {
  while (true) {
    decode();
    if (decoded.rows == decoded.capacity) return;
    // What rows point to must stay where it is until the next call.
    const bool has_found = decoded.rows > 0 || !damages.empty();
    if (has_found && (used_ < input.bytes.size || decompressor_.has_pending())) return;
    const Filled filled = Fill(input);
    if (filled == Filled::kMore) continue;
    if (filled == Filled::kBroken) {
      give_up(fault_, /*ends=*/true);
      Drop();
    } else if (IsFull()) {
      give_up("the record has no end within 16 MiB", /*ends=*/false);
      Drop();
    } else if (input.ends_piece != 0 && !is_ended_) {
      is_ended_ = true;
      buffer_[end_++] = '\n';
    } else {
      return;
    }
  }
}

}  // namespace throng::plugins
