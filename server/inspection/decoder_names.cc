#include "server/inspection/decoder_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <utility>

namespace throng {
namespace {

// What stands behind the ending of data that are compressed, or not yet finished.
constexpr std::string_view kWrappings[] = {".gz", ".gzip", ".zst", ".zstd", ".part"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kEndings = {{
    {".csv", "csv"},
    {".tsv", "csv"},
    {".tab", "csv"},
    {".txt", "csv"},
    {".dat", "csv"},
    {".data", "csv"},
    {".inter", "csv"},
    {".user", "csv"},
    {".item", "csv"},
    {".libsvm", "libsvm"},
    {".json", "json"},
    {".jsonl", "json"},
    {".ndjson", "json"},
    {".avro", "avro"},
    {".parquet", "parquet"},
}};
constexpr std::string_view kAvroMagic = "Obj\x01";
constexpr std::string_view kParquetMagic = "PAR1";
constexpr std::string_view kCompressedMagics[] = {"\x1f\x8b", "\x28\xb5\x2f\xfd"};
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
// Of a message with a schema's id: a zero and the id.
constexpr size_t kIdBytes = 5;

char FirstOf(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const size_t at = text.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos ? '\0' : text[at];
}

}  // namespace

absl::StatusOr<std::string> DecoderOfStream(std::string_view path, std::string_view bytes) {
  if (bytes.starts_with(kAvroMagic)) return "avro";
  if (bytes.starts_with(kParquetMagic)) return "parquet";
  std::string name = std::filesystem::path(path).filename().string();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (const std::string_view wrapping : kWrappings) {
      if (!name.ends_with(wrapping)) continue;
      name.resize(name.size() - wrapping.size());
      goes_on = true;
    }
  }
  for (const auto& [ending, decoder] : kEndings) {
    if (name.ends_with(ending)) return std::string(decoder);
  }
  const bool is_compressed = std::any_of(std::begin(kCompressedMagics), std::end(kCompressedMagics),
                                         [&](auto magic) { return bytes.starts_with(magic); });
  const char first = FirstOf(bytes);
  if (is_compressed || first == '\0') return "";
  return first == '{' || first == '[' ? "json" : "csv";
}

absl::StatusOr<std::string> DecoderOfMessages(std::string_view value) {
  // Behind a schema's id stands JSON as it is, and before a Protobuf message which one of the
  // schema's it is: nearly always the first, a zero. An Avro record begins with a text or an id.
  if (value.size() > kIdBytes && value.front() == '\0') {
    const char next = value[kIdBytes];
    return next == '{' ? "json" : next == '\0' ? "protobuf" : "avro";
  }
  if (FirstOf(value) == '{') return "json";
  return absl::InvalidArgumentError(
      "the messages are neither JSON objects nor have they a schema's id before them; name the "
      "decoder, as avro or protobuf with its options.");
}

}  // namespace throng
