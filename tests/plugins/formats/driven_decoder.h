// A decoder driven through the C contract as the host drives it: for the tests, the bench and the
// fuzz targets of decoders.
#ifndef THRONG_TESTS_PLUGINS_DRIVEN_DECODER_H_
#define THRONG_TESTS_PLUGINS_DRIVEN_DECODER_H_

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "throng/source.h"

namespace throng {

struct WantedColumn {
  std::string name;
  uint32_t type = THRONG_FOUND_TEXT;
  bool is_required = true;
};

// The four columns of interactions.
inline const std::vector<WantedColumn> kWantedInteraction = {{"user_id"},
                                                             {"item_id"},
                                                             {"rating", THRONG_FOUND_FLOAT64},
                                                             {"timestamp", THRONG_FOUND_TIMESTAMP}};

// What came of some bytes or messages.
struct Decoding {
  std::vector<std::string> rows;     // values with | between them, an absent one as -
  std::vector<int64_t> offsets;      // of the rows
  std::vector<std::string> damages;  // "OFFSET ROW COLUMN: sentence", the column - for a record
  throng_code code = THRONG_OK;
  std::string message;
};

inline const throng_component& DecoderIn(const char* file) {
  void* const library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  const auto entry =
      reinterpret_cast<const throng_plugin* (*)()>(dlsym(library, "throng_plugin_v1"));
  for (const throng_component* const* c = entry()->components; *c != nullptr; ++c) {
    if (std::string_view((*c)->role) == THRONG_ROLE_DECODER) return **c;
  }
  throw std::runtime_error("no decoder");
}

class DrivenDecoder {
 public:
  // Options are STRINGs or INT64s.
  explicit DrivenDecoder(const throng_component& component,
                         const std::map<std::string, std::string>& options = {})
      : decoder_(static_cast<const throng_decoder*>(component.functions)), options_(options) {
    std::vector<throng_value> values;
    for (const throng_option* const* o = component.options; *o != nullptr; ++o) {
      throng_value& value = values.emplace_back();
      const auto given = options_.find((*o)->name);
      if (given == options_.end()) continue;
      value.is_set = 1;
      if ((*o)->type == THRONG_OPTION_INT64) value.integer = std::stoll(given->second);
      value.text = {given->second.data(), given->second.size()};
    }
    throng_error error = {};
    error.struct_size = sizeof error;
    if (component.validate != nullptr && component.validate(values.data(), &error) != THRONG_OK) {
      refusal = error.message;
      return;
    }
    if (decoder_->create(&kHost, values.data(), &self_, &error) != THRONG_OK) {
      throw std::runtime_error(error.message);
    }
  }
  ~DrivenDecoder() {
    if (self_ != nullptr) decoder_->destroy(self_);
  }
  DrivenDecoder(const DrivenDecoder&) = delete;
  DrivenDecoder& operator=(const DrivenDecoder&) = delete;

  std::string refusal;  // of the options
  std::vector<WantedColumn> wanted = kWantedInteraction;
  uint32_t capacity = 4096;
  bool keeps_rows = true;  // else they are only counted

  // A piece that comes `chunk` bytes at a time.
  Decoding Stream(std::string_view bytes, size_t chunk = std::numeric_limits<size_t>::max()) {
    Decoding found;
    if (!Begin(THRONG_RECORDS_STREAM, &found)) return found;
    int64_t offset = 0;
    do {
      const std::string_view part = bytes.substr(0, chunk);
      bytes.remove_prefix(part.size());
      throng_input input = {};
      input.struct_size = sizeof input;
      input.mode = THRONG_RECORDS_STREAM;
      input.offset = offset;
      input.ends_piece = bytes.empty() ? 1 : 0;
      input.bytes = {part.data(), part.size()};
      offset += static_cast<int64_t>(part.size());
      bool is_more = true;
      while (is_more) {
        const throng_decoded decoded = Decode(input, &found);
        if (found.code != THRONG_OK) return found;
        input.bytes.data += decoded.consumed;
        input.bytes.size -= decoded.consumed;
        input.offset += static_cast<int64_t>(decoded.consumed);
        is_more = input.bytes.size > 0 || decoded.rows == decoded.capacity;
      }
    } while (!bytes.empty());
    return found;
  }

  // Messages, of which one without a value is a tombstone.
  Decoding Messages(const std::vector<std::optional<std::string>>& values) {
    std::vector<throng_message> messages;
    for (const auto& value : values) {
      throng_message& message = messages.emplace_back();
      message = {};
      if (value) message.value = {value->data(), value->size()};
    }
    return Messages(messages);
  }
  Decoding Messages(const std::vector<throng_message>& messages) {
    Decoding found;
    if (!Begin(THRONG_RECORDS_MESSAGES, &found)) return found;
    throng_input input = {};
    input.struct_size = sizeof input;
    input.mode = THRONG_RECORDS_MESSAGES;
    input.messages = messages.data();
    input.messages_count = static_cast<uint32_t>(messages.size());
    while (input.messages_count > 0) {
      const throng_decoded decoded = Decode(input, &found);
      if (found.code != THRONG_OK) break;
      input.messages += decoded.consumed;
      input.messages_count -= static_cast<uint32_t>(decoded.consumed);
    }
    return found;
  }
  size_t rows() const { return rows_; }  // of the last Stream or Messages

 private:
  bool Begin(uint32_t mode, Decoding* found) {
    std::vector<throng_wanted> columns;
    std::vector<const throng_wanted*> pointers;
    columns.reserve(wanted.size());
    for (const WantedColumn& column : wanted) {
      columns.push_back({.struct_size = sizeof(throng_wanted),
                         .type = column.type,
                         .is_required = column.is_required ? 1 : 0,
                         .name = column.name.c_str()});
      pointers.push_back(&columns.back());
    }
    const throng_origin origin = {.struct_size = sizeof(throng_origin),
                                  .mode = mode,
                                  .wanted_count = static_cast<uint32_t>(pointers.size()),
                                  .wanted = pointers.data(),
                                  .name = "the.data"};
    rows_ = 0;
    arrays_.assign(wanted.size(), std::vector<throng_bytes>(capacity));
    offsets_.assign(capacity, -1);
    throng_error error = {};
    error.struct_size = sizeof error;
    found->code = decoder_->begin(self_, &origin, &error);
    found->message = error.message;
    return found->code == THRONG_OK;
  }

  throng_decoded Decode(const throng_input& input, Decoding* found) {
    std::vector<void*> columns;
    for (auto& array : arrays_) columns.push_back(array.data());  // the largest of all types
    throng_decoded decoded = {};
    decoded.struct_size = sizeof decoded;
    decoded.capacity = capacity;
    decoded.columns = columns.data();
    decoded.offset = offsets_.data();
    throng_error error = {};
    error.struct_size = sizeof error;
    found->code = decoder_->decode(self_, &input, &decoded, &error);
    found->message = error.message;
    const bool is_stream = input.mode == THRONG_RECORDS_STREAM;
    const size_t given = is_stream ? input.bytes.size : input.messages_count;
    Require(decoded.rows <= capacity && decoded.consumed <= given);
    Require(found->code != THRONG_OK || given == 0 || decoded.rows > 0 ||
            decoded.damages_count > 0 || decoded.consumed > 0);
    for (uint32_t i = 0; i < decoded.damages_count; ++i) {
      const throng_damage& damage = decoded.damages[i];
      Require(damage.row <= decoded.rows && damage.sentence != nullptr);
      Require(damage.wanted < wanted.size() || damage.wanted == UINT32_MAX);
      const std::string column = damage.wanted == UINT32_MAX ? "-" : wanted[damage.wanted].name;
      found->damages.push_back(std::to_string(damage.offset) + " " +
                               std::to_string(rows_ + damage.row) + " " + column + ": " +
                               damage.sentence);
    }
    rows_ += decoded.rows;
    for (uint32_t row = 0; keeps_rows && row < decoded.rows; ++row) {
      std::string text;
      for (size_t c = 0; c < wanted.size(); ++c) text += (c == 0 ? "" : "|") + TextOf(c, row);
      found->rows.push_back(text);
      found->offsets.push_back(offsets_[row]);
    }
    return decoded;
  }

  std::string TextOf(size_t column, uint32_t row) const {
    const void* const values = arrays_[column].data();
    if (wanted[column].type == THRONG_FOUND_TEXT) {
      const throng_bytes text = static_cast<const throng_bytes*>(values)[row];
      return text.data == nullptr ? "-" : std::string(text.data, text.size);
    }
    if (wanted[column].type == THRONG_FOUND_FLOAT64) {
      const double value = static_cast<const double*>(values)[row];
      if (std::isnan(value)) return "-";
      std::string text = std::to_string(value);
      while (text.ends_with('0')) text.pop_back();
      return text.ends_with('.') ? text + "0" : text;
    }
    const int64_t value = static_cast<const int64_t*>(values)[row];
    return value == std::numeric_limits<int64_t>::min() ? "-" : std::to_string(value);
  }

  static void Require(bool holds) {
    if (!holds) std::abort();
  }

  static constexpr throng_host kHost = {
      .struct_size = sizeof(throng_host),
      .self = nullptr,
      .log = [](const void*, int32_t, const char*) {},
      .is_cancelled = [](const void*) -> int32_t { return 0; },
      .get_extension = [](const void*, const char*) -> const void* { return nullptr; }};

  const throng_decoder* decoder_;
  std::map<std::string, std::string> options_;
  void* self_ = nullptr;
  std::vector<std::vector<throng_bytes>> arrays_;
  std::vector<int64_t> offsets_;
  size_t rows_ = 0;
};

}  // namespace throng

#endif  // THRONG_TESTS_PLUGINS_DRIVEN_DECODER_H_
