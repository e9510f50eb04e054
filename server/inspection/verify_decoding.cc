#include "server/inspection/verify_decoding.h"

#include <algorithm>
#include <map>
#include <utility>

#include "server/control/status.h"
#include "server/host/option_table.h"

namespace throng {
namespace {

// Whether the decoder's option of that name, if it has one, has the value among its choices.
bool IsChoice(const Component& decoder, const std::string& name, const std::string& value) {
  for (const throng_option& option : decoder.options) {
    if (option.name != name || option.type != THRONG_OPTION_ENUM) continue;
    const char* const* choice = option.choices;
    while (*choice != nullptr && value != *choice) ++choice;
    return *choice != nullptr;
  }
  return true;
}

// Those options of the format that its decoder has too; what it knows no word for it finds out by
// itself. Which index is the first of an item is what the plan knows.
std::map<std::string, std::string> OptionsFor(const Component& decoder, const v1::Component& format,
                                              const Plan& plan) {
  std::map<std::string, std::string> options;
  for (const auto& option : format.options()) {
    if (HasOption(decoder.options, option.first) &&
        IsChoice(decoder, option.first, option.second)) {
      options.insert({option.first, option.second});
    }
  }
  if (HasOption(decoder.options, "first_item")) {
    options["first_item"] = std::to_string(plan.world().users + 1);
  }
  return options;
}

}  // namespace

VerifyDecoding::VerifyDecoding(const OutputRequest& request, const RowText& text)
    : text_(text),
      mode_(request.IsMessages() ? THRONG_RECORDS_MESSAGES : THRONG_RECORDS_STREAM),
      offsets_(kRows) {
  for (size_t c = 0; c < kFoundColumns; ++c) {
    const auto column = static_cast<FoundColumn>(c);
    for (const v1::Column& written : request.spec().columns()) {
      if (written.column() != FoundColumnName(column) || columns_[c]) continue;
      columns_[c] = true;
      names_.push_back(written.name());
      wanted_columns_.push_back(column);
      throng_wanted& wanted = wanted_.emplace_back();
      wanted.struct_size = sizeof wanted;
      wanted.type = FoundColumnType(column);
    }
  }
  for (size_t i = 0; i < wanted_.size(); ++i) {
    wanted_[i].name = names_[i].c_str();
    const auto column = static_cast<size_t>(wanted_columns_[i]);
    const auto use = [this](auto* values) {
      values->resize(kRows);
      arrays_.push_back(values->data());
    };
    if (wanted_[i].type == THRONG_FOUND_TEXT) {
      use(&texts_[column]);
    } else if (wanted_[i].type == THRONG_FOUND_FLOAT64) {
      use(&reals_[column]);
    } else {
      use(&numbers_[column]);
    }
  }
}

absl::StatusOr<std::unique_ptr<VerifyDecoding>> VerifyDecoding::Create(
    const OutputRequest& request, const RowText& text, const Inspection& inspection) {
  const auto component = inspection.catalogue.Find(Role::kDecoder, request.format().name);
  if (!component.ok()) return absl::UnimplementedError(MessageOf(component.status()));
  std::unique_ptr<VerifyDecoding> made(new VerifyDecoding(request, text));
  if (!request.HasInteractions() || made->wanted_.empty()) {
    return absl::UnimplementedError("the output has no columns of interactions to read.");
  }
  Problems problems;
  const v1::OutputSpec resolved = request.ResolvedSpec();
  made->options_ = OptionValues::Parse(
      **component, OptionsFor(**component, resolved.format(), request.plan()), "decoder",
      inspection.now_ms, &problems, inspection.environment.source_roots);
  if (!problems.empty()) return absl::InvalidArgumentError(ToString(problems));
  auto decoder = Decoder::Create(**component, inspection.environment, made->options_.values());
  if (!decoder.ok()) return decoder.status();
  made->decoder_ = *std::move(decoder);
  return made;
}

absl::Status VerifyDecoding::Begin(const std::string& piece) {
  buffer_.clear();
  offset_ = 0;
  is_broken_ = false;
  std::vector<const throng_wanted*> pointers;
  for (const throng_wanted& wanted : wanted_) pointers.push_back(&wanted);
  throng_origin origin{};
  origin.struct_size = sizeof origin;
  origin.mode = mode_;
  origin.wanted_count = static_cast<uint32_t>(pointers.size());
  origin.wanted = pointers.data();
  origin.name = piece.c_str();
  return decoder_->Begin(origin);
}

absl::StatusOr<bool> VerifyDecoding::DecodeSome(const throng_input& input, size_t* consumed,
                                                const TakeRow& take, const TakeDamage& damage) {
  throng_decoded decoded{};
  decoded.struct_size = sizeof decoded;
  decoded.capacity = kRows;
  decoded.columns = arrays_.data();
  decoded.offset = offsets_.data();
  const absl::Status status = decoder_->Decode(input, &decoded);
  *consumed = decoded.consumed;
  uint32_t damages = 0;
  const auto take_damages = [&](uint32_t before_row) {
    for (; damages < decoded.damages_count && decoded.damages[damages].row <= before_row;
         ++damages) {
      const throng_damage& found = decoded.damages[damages];
      damage(found.offset, found.sentence == nullptr ? "" : found.sentence);
    }
  };
  for (uint32_t i = 0; i < decoded.rows; ++i) {
    take_damages(i);
    FoundRow found = text_.RowOf([&](FoundColumn column) -> FoundValue {
      const auto c = static_cast<size_t>(column);
      if (!columns_[c]) return {};
      if (!texts_[c].empty()) return {.is_there = true, .text = texts_[c][i]};
      if (!reals_[c].empty()) return {.is_there = true, .real = reals_[c][i]};
      return {.is_there = true, .number = numbers_[c][i]};
    });
    found.offset = offsets_[i];
    found.message_time = kNotThere;
    if (absl::Status taken = take(std::move(found)); !taken.ok()) return taken;
  }
  take_damages(UINT32_MAX);
  if (!status.ok()) {
    if (absl::IsDataLoss(status) || absl::IsNotFound(status)) {
      is_broken_ = true;
      damage(input.offset, MessageOf(status));
      return false;
    }
    return status;
  }
  const size_t given = mode_ == THRONG_RECORDS_STREAM ? input.bytes.size : input.messages_count;
  const bool gets_on = decoded.rows > 0 || decoded.damages_count > 0 || decoded.consumed > 0;
  return decoded.rows == decoded.capacity || (gets_on && decoded.consumed < given);
}

absl::Status VerifyDecoding::Feed(std::string_view bytes, bool ends, const TakeRow& take,
                                  const TakeDamage& damage) {
  if (is_broken_) return absl::OkStatus();
  buffer_ += bytes;
  bool has_more = true;
  while (has_more && !is_broken_) {
    throng_input input{};
    input.struct_size = sizeof input;
    input.mode = THRONG_RECORDS_STREAM;
    input.ends_piece = ends ? 1 : 0;
    input.is_end = ends ? 1 : 0;
    input.offset = offset_;
    input.bytes = {buffer_.data(), buffer_.size()};
    size_t consumed = 0;
    const auto more = DecodeSome(input, &consumed, take, damage);
    if (!more.ok()) return more.status();
    buffer_.erase(0, consumed);
    offset_ += static_cast<int64_t>(consumed);
    has_more = *more;
  }
  return absl::OkStatus();
}

absl::Status VerifyDecoding::Decode(const throng_message* messages, size_t count,
                                    const TakeRow& take, const TakeDamage& damage) {
  size_t done = 0;
  while (done < count) {
    throng_input input{};
    input.struct_size = sizeof input;
    input.mode = THRONG_RECORDS_MESSAGES;
    input.messages_count = static_cast<uint32_t>(std::min(count - done, kRows));
    input.messages = messages + done;
    size_t consumed = 0;
    const auto more = DecodeSome(
        input, &consumed,
        [&](FoundRow row) {
          row.offset += static_cast<int64_t>(done);
          return take(std::move(row));
        },
        [&](int64_t offset, const std::string& sentence) {
          damage(offset + static_cast<int64_t>(done), sentence);
        });
    if (!more.ok()) return more.status();
    done += consumed;
    if (!*more && done < count && consumed == 0) break;
  }
  return absl::OkStatus();
}

}  // namespace throng
