// Text as compressed members (frames), which any reader joins.
#include "plugins/formats/compression/members.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace throng::plugins {
namespace {

// Rows of a member: 0.7 MB of CSV, as much as is written at once without compression.
constexpr uint32_t kMemberRows = 16'384;
constexpr std::string_view kGzipSuffix = ".gz";
constexpr std::string_view kZstdSuffix = ".zst";

}  // namespace

std::string_view PlainName(std::string_view name) {
  for (const std::string_view suffix : {kGzipSuffix, kZstdSuffix}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

Members::~Members() { std::free(plain_.data); }

void Members::Begin(std::optional<Compression> compression, const throng_destination& destination) {
  compressor_.reset();
  const bool is_messages = destination.mode == THRONG_RECORDS_MESSAGES;
  if (is_messages && compression.value_or(Compression::kNone) != Compression::kNone) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "Files can be compressed and single messages cannot; leave compression out.",
                "compression");
  }
  if (is_messages) return;
  if (!compression) {
    const std::string_view name = destination.name;
    compression = name.ends_with(kGzipSuffix)   ? Compression::kGzip
                  : name.ends_with(kZstdSuffix) ? Compression::kZstd
                                                : Compression::kNone;
  }
  if (*compression == Compression::kNone) return;
  compressor_ = std::make_unique<Compressor>(*compression == Compression::kGzip ? Codec::kGzip
                                                                                : Codec::kZstd);
}

uint32_t Members::cut_rows() const { return compressor_ == nullptr ? 0 : kMemberRows; }

std::string Members::Of(std::string text) {
  if (compressor_ == nullptr || text.empty()) return text;
  throng_buffer member = {sizeof(throng_buffer), nullptr, 0, 0, &Grow, {}};
  const std::unique_ptr<throng_buffer, void (*)(throng_buffer*)> owner(
      &member, [](throng_buffer* buffer) { std::free(buffer->data); });
  Buffer out(&member);
  compressor_->Compress(text, out);
  return {member.data, member.size};
}

int32_t Members::Grow(throng_buffer* buffer, size_t bytes) {
  const size_t capacity = std::max(buffer->size + bytes, 2 * buffer->capacity);
  auto* const data = static_cast<char*>(std::realloc(buffer->data, capacity));
  if (data == nullptr) return 0;
  buffer->data = data;
  buffer->capacity = capacity;
  return 1;
}

}  // namespace throng::plugins
