#include "plugins/formats/compression/decompressor.h"

#define ZLIB_CONST  // next_in points to const bytes
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b\x08";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::string_view kSkippableMagic = "\x2a\x4d\x18";  // of zstd, behind a byte 0x50 to 0x5f
constexpr std::string_view kOtherMagics[] = {"BZh",
                                             "\xfd"
                                             "7zX",
                                             "PK\x03\x04"};
constexpr std::string_view kOtherNames[] = {"bzip2", "xz", "zip"};
constexpr int kGzipWindowBits = 15 + 16;

bool IsSkippable(std::string_view bytes) {
  return !bytes.empty() && (static_cast<uint8_t>(bytes.front()) & 0xf0) == 0x50 &&
         bytes.substr(1).starts_with(kSkippableMagic);
}

}  // namespace

Decompressor::~Decompressor() {
  if (zlib_ != nullptr) inflateEnd(zlib_);
  delete zlib_;
  ZSTD_freeDCtx(zstd_);
}

void Decompressor::Begin(std::string name) {
  name_ = std::move(name);
  state_ = State::kBetween;
  head_.clear();
  is_first_ = true;
  has_pending_ = false;
  taken_ = member_ = 0;
}

Decompressor::Step Decompressor::Run(std::string_view bytes, char* text, size_t room, bool ends) {
  Step step;
  const std::string_view all = bytes;
  // Until there is text, a fault, or nothing that more could be done with.
  while (step.produced == 0 && step.fault.empty()) {
    bytes = all.substr(step.consumed);
    if (state_ == State::kBetween) {
      const size_t wanted =
          std::min(bytes.size(), kMagicBytes - std::min(kMagicBytes, head_.size()));
      head_ += bytes.substr(0, wanted);
      step.consumed += wanted;
      taken_ += static_cast<int64_t>(wanted);
      if (!Tell(ends && wanted == bytes.size(), &step)) return step;
      continue;
    }
    if (state_ == State::kLost) {
      if (bytes.empty()) return step;
      Search(bytes, &step);
      continue;
    }
    const bool is_member = state_ == State::kGzip || state_ == State::kZstd;
    if (room == 0) {
      if (is_member && ends && bytes.empty() && head_.empty() && !has_pending_) {
        Lose("is cut off", &step);
      }
      return step;
    }
    // What was taken to tell what it is comes first.
    const bool has_head = !head_.empty();
    const std::string head = std::exchange(head_, {});
    const std::string_view input = has_head ? std::string_view(head) : bytes;
    Step part;
    if (state_ == State::kPlain) {
      part.consumed = part.produced = std::min(input.size(), room);
      std::memcpy(text, input.data(), part.produced);
    } else if (state_ == State::kGzip) {
      Inflate(input, text, room, &part);
    } else {
      DecompressFrame(input, text, room, &part);
    }
    step.produced = part.produced;
    step.fault = std::move(part.fault);
    if (has_head) {
      if (state_ != State::kLost) head_ = head.substr(part.consumed);
    } else {
      step.consumed += part.consumed;
      taken_ += static_cast<int64_t>(part.consumed);
    }
    if (part.consumed > 0 || part.produced > 0 || !step.fault.empty()) continue;
    if (is_member && ends) Lose("is cut off", &step);
    return step;
  }
  return step;
}

bool Decompressor::Tell(bool ends, Step* step) {
  if (head_.size() < kMagicBytes && !ends) return false;
  if (head_.empty()) return false;
  const std::string_view head = head_;
  if (head.starts_with(kGzipMagic)) {
    if (is_first_ && head.size() > kGzipMagic.size()) gzip_flags_ = head[kGzipMagic.size()];
    BeginMember(State::kGzip);
  } else if (head.starts_with(kZstdMagic) || IsSkippable(head)) {
    BeginMember(State::kZstd);
  } else if (is_first_) {
    for (size_t i = 0; i < std::size(kOtherMagics); ++i) {
      if (!head.starts_with(kOtherMagics[i])) continue;
      throw Error(THRONG_DATA_LOSS, name_ + " is compressed with " + std::string(kOtherNames[i]) +
                                        ", which is not read; decompress it, or use gzip or zstd.");
    }
    state_ = State::kPlain;
  } else if (head.find_first_not_of('\0') == std::string_view::npos) {
    head_.clear();  // padding
    return !ends;
  } else {
    member_ = taken_ - static_cast<int64_t>(head_.size());
    Lose("is none", step);
  }
  is_first_ = false;
  return true;
}

void Decompressor::BeginMember(State codec) {
  member_ = taken_ - static_cast<int64_t>(head_.size());
  state_ = codec;
  if (codec == State::kGzip && zlib_ == nullptr) {
    auto stream = std::make_unique<z_stream>();
    if (inflateInit2(stream.get(), kGzipWindowBits) != Z_OK) throw std::bad_alloc();
    zlib_ = stream.release();
  } else if (codec == State::kGzip) {
    inflateReset(zlib_);
  } else if (zstd_ == nullptr) {
    zstd_ = ZSTD_createDCtx();
    if (zstd_ == nullptr) throw std::bad_alloc();
  } else {
    ZSTD_DCtx_reset(zstd_, ZSTD_reset_session_only);
  }
}

void Decompressor::Search(std::string_view bytes, Step* step) {
  for (const char c : bytes) {
    ++step->consumed;
    ++taken_;
    if (head_.size() == kMagicBytes) head_.erase(0, 1);
    head_ += c;
    if (head_.size() < kMagicBytes) continue;
    const bool is_gzip = head_.starts_with(kGzipMagic) && head_.back() == gzip_flags_;
    if (!is_gzip && head_ != kZstdMagic) continue;
    BeginMember(is_gzip ? State::kGzip : State::kZstd);
    return;
  }
}

void Decompressor::Inflate(std::string_view bytes, char* text, size_t room, Step* step) {
  zlib_->next_in = reinterpret_cast<const Bytef*>(bytes.data());
  zlib_->avail_in = static_cast<uInt>(std::min<size_t>(bytes.size(), UINT32_MAX));
  zlib_->next_out = reinterpret_cast<Bytef*>(text);
  zlib_->avail_out = static_cast<uInt>(std::min<size_t>(room, UINT32_MAX));
  const uInt given = zlib_->avail_in;
  const uInt free = zlib_->avail_out;
  const int result = inflate(zlib_, Z_NO_FLUSH);
  step->consumed = given - zlib_->avail_in;
  step->produced = free - zlib_->avail_out;
  has_pending_ = result == Z_OK && zlib_->avail_out == 0;
  if (result == Z_STREAM_END) {
    state_ = State::kBetween;
  } else if (result == Z_MEM_ERROR) {
    throw std::bad_alloc();
  } else if (result != Z_OK && result != Z_BUF_ERROR) {
    Lose(zlib_->msg == nullptr ? "is corrupt" : std::string("is corrupt: ") + zlib_->msg, step);
  }
}

void Decompressor::DecompressFrame(std::string_view bytes, char* text, size_t room, Step* step) {
  ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer out = {text, room, 0};
  const size_t result = ZSTD_decompressStream(zstd_, &out, &in);
  step->consumed = in.pos;
  step->produced = out.pos;
  has_pending_ = result != 0 && ZSTD_isError(result) == 0 && out.pos == out.size;
  if (ZSTD_isError(result) != 0) {
    Lose(std::string("is corrupt: ") + ZSTD_getErrorName(result), step);
  } else if (result == 0) {
    state_ = State::kBetween;
  }
}

void Decompressor::Lose(std::string_view what, Step* step) {
  step->fault = "the compressed member at byte " + std::to_string(member_) + " of the file " +
                std::string(what);
  state_ = State::kLost;
  has_pending_ = false;
  head_.clear();
}

}  // namespace throng::plugins
