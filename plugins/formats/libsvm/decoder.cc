// The decoder `libsvm`: `RATING USER:1 ITEM:1` a line, and nothing else.
//
// Ids are numbers from 1 on. Which index is the first of an item is an option, since no line says
// it.
#include "plugins/formats/libsvm/decoder.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/formats/decoding/text_window.h"
#include "plugins/formats/decoding/values.h"
#include "plugins/formats/decoding/wanted.h"

namespace throng::plugins {
namespace {

constexpr std::string_view kOne = ":1";

// The word before a blank, taken off the front.
std::string_view TakeWord(std::string_view* text) {
  const std::string_view word = text->substr(0, text->find(' '));
  text->remove_prefix(std::min(word.size() + 1, text->size()));
  return word;
}

// The index of "12:1"; false: it is none.
bool ReadIndex(std::string_view word, int64_t* index) {
  if (!word.ends_with(kOne)) return false;
  word.remove_suffix(kOne.size());
  return ReadInt64(word, index) && *index > 0;
}

class Decoder {
 public:
  struct Options {
    int64_t first_item = 0;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {
        Option<&Options::first_item>(
            "first_item", "The index of the first item, which is one more than there are users.")
            .Required()
            .Range(2, 4'294'967'296)};
  }

  explicit Decoder(const Options& options) : options_(options) {}

  void Begin(const throng_origin& origin) {
    name_ = origin.name;
    wanted_ = WantedOf(origin);
    window_.Begin(name_);
    is_skipping_ = false;
    for (const Wanted& wanted : wanted_) {
      const bool is_there =
          wanted.name == "rating" || wanted.name == "user_id" || wanted.name == "item_id";
      if (is_there || !wanted.is_required) continue;
      throw Error(THRONG_NOT_FOUND, name_ + " has no column " + wanted.name +
                                        "; it has rating, user_id, item_id. Say which of them it "
                                        "is.");
    }
  }

  void Decode(const throng_input& input, throng_decoded& decoded) {
    texts_.clear();
    window_.DecodeInput(
        input, decoded, damages_, [&] { DecodeWindow(decoded); },
        [&](std::string sentence, bool ends) {
          Damage(decoded, std::move(sentence));
          is_skipping_ = !ends;
        });
  }

 private:
  void Damage(const throng_decoded& decoded, std::string sentence) {
    damages_.Add(window_.offset(), decoded.rows, Damages::kWholeRecord, std::move(sentence));
  }

  void DecodeWindow(throng_decoded& decoded) {
    while (decoded.rows < decoded.capacity && window_.size() > 0) {
      const auto* const end =
          static_cast<const char*>(std::memchr(window_.begin(), '\n', window_.size()));
      if (end == nullptr) {
        if (is_skipping_) window_.Take(window_.size());
        return;
      }
      std::string_view line(window_.begin(), static_cast<size_t>(end - window_.begin()));
      const size_t bytes = line.size() + 1;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.empty() && !is_skipping_) AddRow(line, decoded);
      is_skipping_ = false;
      window_.Take(bytes);
    }
  }

  void AddRow(std::string_view line, throng_decoded& decoded) {
    const std::string whole(line.substr(0, 80));
    double rating = 0;
    int64_t user = 0;
    int64_t item = 0;
    const bool is_row = ReadDouble(TakeWord(&line), &rating) && ReadIndex(TakeWord(&line), &user) &&
                        ReadIndex(TakeWord(&line), &item) && line.empty();
    if (!is_row) {
      return Damage(decoded, "the line is no rating and two indexes: " + whole);
    }
    if (user >= options_.first_item || item < options_.first_item) {
      return Damage(decoded, "the line is no user below index " +
                                 std::to_string(options_.first_item) +
                                 " and an item from it on: " + whole);
    }
    const uint32_t row = decoded.rows;
    for (size_t i = 0; i < wanted_.size(); ++i) {
      void* const column = decoded.columns[i];
      const Wanted& wanted = wanted_[i];
      std::string text;
      if (wanted.name == "user_id") text = std::to_string(user);
      if (wanted.name == "item_id") text = std::to_string(item - options_.first_item + 1);
      if (wanted.name == "rating" && wanted.type == THRONG_FOUND_FLOAT64) {
        static_cast<double*>(column)[row] = rating;
      } else if (text.empty() || !SetText(wanted.type, column, row,
                                          texts_.emplace_back(std::move(text)), &times_)) {
        SetAbsent(wanted.type, column, row);
      }
    }
    decoded.offset[row] = window_.offset();
    ++decoded.rows;
  }

  const Options options_;
  std::string name_;
  std::vector<Wanted> wanted_;
  TextWindow window_;
  std::deque<std::string> texts_;  // of the ids of a call
  TimeReader times_;
  bool is_skipping_ = false;  // the rest of a line
  Damages damages_;
};

}  // namespace

throng_component LibsvmDecoder() {
  return throng::Decoder<Decoder>("libsvm", "A line per row: a rating and two indexes.");
}

}  // namespace throng::plugins
