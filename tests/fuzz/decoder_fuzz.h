// What a fuzz target of a decoder does with its input: as a stream, whole and in pieces, whose rows
// and damages must be the same; and as messages.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "throng/sdk.hpp"

namespace throng {

inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

class FuzzedDecoder {
 public:
  explicit FuzzedDecoder(const throng_component& component)
      : decoder_(static_cast<const throng_decoder*>(component.functions)) {
    host_.struct_size = sizeof host_;
    host_.log = [](const void*, int32_t, const char*) {};
    host_.is_cancelled = [](const void*) -> int32_t { return 0; };
    host_.get_extension = [](const void*, const char*) -> const void* { return nullptr; };
    // As the host parses defaults: the texts and the first of choices.
    for (auto option = component.options; *option != nullptr; ++option) {
      throng_value& value = values_.emplace_back();
      const char* const text = (*option)->default_text;
      if (text == nullptr) continue;
      value.is_set = 1;
      value.text = {text, std::string_view(text).size()};
    }
    throng_error error = NoError();
    Require(decoder_->create(&host_, values_.data(), &self_, &error) == THRONG_OK, error.message);
  }
  ~FuzzedDecoder() { decoder_->destroy(self_); }
  FuzzedDecoder(const FuzzedDecoder&) = delete;
  FuzzedDecoder& operator=(const FuzzedDecoder&) = delete;

  // Rows and damages as text, in order, of a stream whose bytes come `piece` at once; and the code
  // that it ended with.
  std::string Stream(std::string_view bytes, size_t piece, uint32_t capacity) {
    Begin(THRONG_RECORDS_STREAM);
    std::string text;
    size_t at = 0;
    bool is_ended = false;
    while (!is_ended) {
      // A copy of its own, so that a read beyond it is found.
      const size_t size = std::min(piece, bytes.size() - at);
      const std::vector<char> lent(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                   bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
      throng_input input{};
      input.struct_size = sizeof input;
      input.mode = THRONG_RECORDS_STREAM;
      input.offset = static_cast<int64_t>(at);
      input.bytes = {lent.data(), size};
      input.ends_piece = at + size == bytes.size() ? 1 : 0;
      bool has_more = true;
      while (has_more) {
        throng_decoded decoded = Room(capacity);
        if (!Decode(input, &decoded, &text)) return text;
        const bool stands =
            decoded.consumed == 0 && decoded.rows == 0 && decoded.damages_count == 0;
        Require(decoded.consumed <= input.bytes.size, "consumed more than there was");
        Require(!stands || input.bytes.size == 0, "it took nothing");
        input.bytes.data += decoded.consumed;
        input.bytes.size -= decoded.consumed;
        input.offset += static_cast<int64_t>(decoded.consumed);
        has_more = input.bytes.size > 0 || decoded.rows == capacity;
      }
      at += size;
      is_ended = input.ends_piece != 0;
    }
    return text;
  }

  void Messages(std::string_view value) {
    Begin(THRONG_RECORDS_MESSAGES);
    const std::vector<char> lent(value.begin(), value.end());
    throng_message message{};
    message.value = {lent.data(), lent.size()};
    throng_input input{};
    input.struct_size = sizeof input;
    input.mode = THRONG_RECORDS_MESSAGES;
    input.messages_count = 1;
    input.messages = &message;
    throng_decoded decoded = Room(1);
    std::string text;
    if (Decode(input, &decoded, &text)) Require(decoded.consumed == 1, "it left a message");
  }

 private:
  static throng_error NoError() {
    throng_error error{};
    error.struct_size = sizeof error;
    return error;
  }

  void Begin(uint32_t mode) {
    static const throng_wanted kWanted[] = {
        {sizeof(throng_wanted), THRONG_FOUND_TEXT, 1, "user_id"},
        {sizeof(throng_wanted), THRONG_FOUND_TEXT, 1, "item_id"},
        {sizeof(throng_wanted), THRONG_FOUND_FLOAT64, 1, "rating"},
        {sizeof(throng_wanted), THRONG_FOUND_TIMESTAMP, 1, "timestamp"},
        {sizeof(throng_wanted), THRONG_FOUND_INT64, 0, "session_id"},
    };
    static const throng_wanted* const kPointers[] = {&kWanted[0], &kWanted[1], &kWanted[2],
                                                     &kWanted[3], &kWanted[4]};
    const throng_origin origin = {sizeof(throng_origin), mode, 5, kPointers, "piece"};
    throng_error error = NoError();
    Require(decoder_->begin(self_, &origin, &error) == THRONG_OK, error.message);
  }

  throng_decoded Room(uint32_t capacity) {
    users_.resize(capacity);
    items_.resize(capacity);
    ratings_.resize(capacity);
    times_.resize(capacity);
    sessions_.resize(capacity);
    offsets_.resize(capacity);
    columns_ = {users_.data(), items_.data(), ratings_.data(), times_.data(), sessions_.data()};
    throng_decoded decoded{};
    decoded.struct_size = sizeof decoded;
    decoded.capacity = capacity;
    decoded.columns = columns_.data();
    decoded.offset = offsets_.data();
    return decoded;
  }

  // False: it ended with an error.
  bool Decode(const throng_input& input, throng_decoded* decoded, std::string* text) {
    throng_error error = NoError();
    const throng_code code = decoder_->decode(self_, &input, decoded, &error);
    Require(decoded->rows <= decoded->capacity, "more rows than there is room for");
    uint32_t next = 0;
    const auto add_damages = [&](uint32_t row) {
      for (; next < decoded->damages_count && decoded->damages[next].row <= row; ++next) {
        const throng_damage& damage = decoded->damages[next];
        *text += "damage " + std::to_string(damage.offset) + " " + damage.sentence + "\n";
      }
    };
    for (uint32_t i = 0; i < decoded->rows; ++i) {
      add_damages(i);
      *text += std::to_string(offsets_[i]) + " ";
      text->append(users_[i].data, users_[i].size) += " ";
      text->append(items_[i].data, items_[i].size) += " ";
      *text += std::to_string(ratings_[i]) + " " + std::to_string(times_[i]) + " " +
               std::to_string(sessions_[i]) + "\n";
    }
    add_damages(decoded->rows);
    Require(next == decoded->damages_count, "a damage behind rows that are not there");
    if (code != THRONG_OK) *text += "code " + std::to_string(code) + " " + error.message;
    return code == THRONG_OK;
  }

  const throng_decoder* decoder_;
  throng_host host_{};
  std::vector<throng_value> values_;
  void* self_ = nullptr;
  std::vector<throng_bytes> users_, items_;
  std::vector<double> ratings_;
  std::vector<int64_t> times_, sessions_, offsets_;
  std::vector<void*> columns_;
};

// Of a stream the input's first byte says how it comes; what follows is the stream.
inline void FuzzStream(FuzzedDecoder* decoder, const uint8_t* data, size_t size) {
  if (size == 0) return;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = decoder->Stream(bytes, size, 4096);
  const std::string pieces = decoder->Stream(bytes, 1 + data[0] % 37, 1 + data[0] % 5);
  // Of a member that is damaged it depends on how it comes how much is got out of it.
  const bool is_damaged = whole.find("compressed member") != std::string::npos ||
                          pieces.find("compressed member") != std::string::npos;
  if (is_damaged || whole == pieces) return;
  Require(false,
          ("In pieces it is another stream; whole:\n" + whole + "\nin pieces:\n" + pieces).c_str());
}

}  // namespace throng
