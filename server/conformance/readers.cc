// Checks of sources and decoders: what the format of the same name wrote is read back, however it
// comes, and what is no data neither crashes nor stops them.
#include "server/host/readers.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <random>

#include "server/conformance/check.h"
#include "server/conformance/format_trial.h"
#include "server/conformance/stand_in.h"
#include "server/control/status.h"
#include "server/host/plugin.h"
#include "server/host/process.h"

namespace throng {
namespace {

constexpr int64_t kRows = 3'007;
constexpr int kGarbage = 200;  // inputs of it
constexpr size_t kMostGarbageBytes = 4096;
constexpr uint32_t kCapacity = 1000;

// ---- Sources ------------------------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<Source>> MakeSource(
    const CheckContext& context, const std::map<std::string, std::string>& options = {}) {
  const auto values = ParseOptions(context, options);
  if (!values.ok()) return values.status();
  NoteStep("create");
  return Source::Create(*context.component, context.environment, values->values());
}

absl::Status CheckSourceMemory(CheckContext& context) {
  return CheckGivesBack([&] { return MakeSource(context).status(); });
}

absl::Status CheckSourceEdges(CheckContext& context) {
  for (const auto& options : EdgeOptions(*context.component)) {
    absl::Status status = CheckRefusal(MakeSource(context, options).status());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckOpens(CheckContext& context) {
  const auto source = MakeSource(context);
  if (!source.ok()) return source.status();
  throng_start start{};
  start.struct_size = sizeof start;
  NoteStep("open");
  return CheckRefusal((*source)->Open(start).status());
}

// ---- Decoders -----------------------------------------------------------------------------------

// Records of one piece or topic.
struct Encoded {
  uint32_t mode;
  std::string stream;
  std::vector<std::string> values;  // of messages
};

// The four columns of interactions, as a decoder is asked for them.
class Wanted {
 public:
  Wanted() {
    origin_.struct_size = sizeof origin_;
    origin_.wanted = pointers_;
    origin_.wanted_count = static_cast<uint32_t>(std::size(kColumns));
    origin_.name = "conformance";
  }
  Wanted(const Wanted&) = delete;
  Wanted& operator=(const Wanted&) = delete;
  const throng_origin& Origin(uint32_t mode) {
    origin_.mode = mode;
    return origin_;
  }
  throng_decoded Room() {
    throng_decoded decoded{};
    decoded.struct_size = sizeof decoded;
    decoded.capacity = kCapacity;
    decoded.columns = arrays_;
    decoded.offset = offset_;
    return decoded;
  }
  std::string Row(uint32_t row) const {
    return fmt::format("{} {} {:.2f} {}", Text(user_[row]), Text(item_[row]), rating_[row],
                       time_[row] / 1000);
  }

 private:
  static std::string Text(throng_bytes text) {
    return text.data == nullptr ? "" : std::string(text.data, text.size);
  }
  static constexpr throng_wanted kColumns[] = {
      {sizeof(throng_wanted), THRONG_FOUND_TEXT, 1, "user_id"},
      {sizeof(throng_wanted), THRONG_FOUND_TEXT, 1, "item_id"},
      {sizeof(throng_wanted), THRONG_FOUND_FLOAT64, 1, "rating"},
      {sizeof(throng_wanted), THRONG_FOUND_TIMESTAMP, 1, "timestamp"},
  };
  const throng_wanted* pointers_[4] = {&kColumns[0], &kColumns[1], &kColumns[2], &kColumns[3]};
  throng_origin origin_{};
  throng_bytes user_[kCapacity] = {};
  throng_bytes item_[kCapacity] = {};
  double rating_[kCapacity] = {};
  int64_t time_[kCapacity] = {};
  int64_t offset_[kCapacity] = {};
  void* arrays_[4] = {user_, item_, rating_, time_};
};

std::vector<std::string> RowsOf(const StandInTable& table) {
  const std::vector<const void*> columns = table.ColumnsAt(0);
  std::vector<std::string> rows;
  for (int64_t i = 0; i < table.rows(); ++i) {
    rows.push_back(fmt::format("user_{} item_{} {:.2f} {}",
                               static_cast<const int64_t*>(columns[0])[i] + 1,
                               static_cast<const int64_t*>(columns[1])[i] + 1,
                               static_cast<const int32_t*>(columns[2])[i] / 100.0,
                               static_cast<const int64_t*>(columns[3])[i] / 1000));
  }
  return rows;
}

absl::StatusOr<std::unique_ptr<Decoder>> MakeDecoder(
    const CheckContext& context, const std::map<std::string, std::string>& options = {}) {
  const auto values = ParseOptions(context, options);
  if (!values.ok()) return values.status();
  NoteStep("create");
  return Decoder::Create(*context.component, context.environment, values->values());
}

// Gives the decoder a piece's bytes or a topic's messages, `step` at once, in memory that is
// something else after each call; `visit(wanted, decoded)` sees what each call made of them.
template <class Visit>
absl::Status DecodeInSteps(Decoder* decoder, const Encoded& encoded, size_t step, Visit&& visit) {
  const auto wanted = std::make_unique<Wanted>();
  NoteStep("begin");
  absl::Status status = decoder->Begin(wanted->Origin(encoded.mode));
  if (!status.ok()) return status;
  const bool is_stream = encoded.mode == THRONG_RECORDS_STREAM;
  const size_t size = is_stream ? encoded.stream.size() : encoded.values.size();
  NoteStep("decode");
  for (size_t at = 0; at < size || (at == 0 && is_stream); at += step) {
    const size_t given = std::min(step, size - at);
    std::vector<char> bytes;
    std::vector<std::vector<char>> values;
    std::vector<throng_message> messages;
    throng_input input{};
    input.struct_size = sizeof input;
    input.mode = encoded.mode;
    if (is_stream) {
      bytes.assign(encoded.stream.data() + at, encoded.stream.data() + at + given);
      input.offset = static_cast<int64_t>(at);
      input.bytes = {bytes.data(), bytes.size()};
      input.ends_piece = at + given == size ? 1 : 0;
    } else {
      for (size_t i = at; i < at + given; ++i) {
        values.emplace_back(encoded.values[i].begin(), encoded.values[i].end());
        throng_message& message = messages.emplace_back();
        message.offset = static_cast<int64_t>(i);
        message.time = -1;
        message.value = {values.back().data(), values.back().size()};
      }
      input.messages = messages.data();
      input.messages_count = static_cast<uint32_t>(given);
    }
    bool has_more = true;
    while (has_more) {
      throng_decoded decoded = wanted->Room();
      status = decoder->Decode(input, &decoded);
      if (!status.ok()) return status;  // of which `decoded` need not be sound
      visit(*wanted, decoded);
      if (is_stream) {
        input.bytes.data += decoded.consumed;
        input.bytes.size -= decoded.consumed;
        input.offset += static_cast<int64_t>(decoded.consumed);
        has_more = input.bytes.size > 0 || decoded.rows == decoded.capacity;
      } else {
        input.messages += decoded.consumed;
        input.messages_count -= static_cast<uint32_t>(decoded.consumed);
        has_more = input.messages_count > 0;
      }
    }
    std::fill(bytes.begin(), bytes.end(), '\xa5');
    for (std::vector<char>& value : values) std::fill(value.begin(), value.end(), '\xa5');
  }
  return absl::OkStatus();
}

// The format of the decoder's name in its plugin, with a context to try it in.
std::optional<CheckContext> FormatOf(const CheckContext& context) {
  for (const auto& component : context.component->plugin->components()) {
    if (component->role != Role::kFormat || component->name != context.component->name) continue;
    CheckContext of_format = context;
    of_format.component = component.get();
    of_format.options.clear();
    return of_format;
  }
  return std::nullopt;
}

// What the format makes of the table; nothing where it refuses the options, or the mode.
std::optional<Encoded> Encode(const CheckContext& format, uint32_t mode, const StandInTable& table,
                              const std::map<std::string, std::string>& options) {
  if ((format.component->format.modes & mode) == 0) return std::nullopt;
  const auto trial = FormatTrial::Begin(format, {mode, false}, table, "", options);
  if (!trial.ok()) return std::nullopt;
  const auto records = (*trial)->EncodeAll(std::max<int64_t>(1000, (*trial)->prologue().cut_rows));
  if (!records.ok()) return std::nullopt;
  Encoded encoded{.mode = mode, .stream = {}, .values = {}};
  if (mode == THRONG_RECORDS_STREAM) {
    const auto epilogue = (*trial)->End(*records);
    if (!epilogue.ok()) return std::nullopt;
    encoded.stream = (*trial)->prologue().bytes + records->bytes + *epilogue;
    return encoded;
  }
  for (size_t i = 0; i < records->value_end.size(); ++i) {
    encoded.values.push_back(
        records->bytes.substr(records->key_end[i], records->value_end[i] - records->key_end[i]));
  }
  return encoded;
}

// Calls `visit(encoded, how)` with what the format of the same name makes in each mode, with each
// of its options at an edge; says whether there was any.
template <class Visit>
absl::StatusOr<bool> ForEachEncoded(const CheckContext& context, const StandInTable& table,
                                    Visit&& visit) {
  const auto format = FormatOf(context);
  if (!format) return false;
  auto all = EdgeOptions(*format->component);
  all.insert(all.begin(), std::map<std::string, std::string>());
  bool has_any = false;
  for (const uint32_t mode : {THRONG_RECORDS_STREAM, THRONG_RECORDS_MESSAGES}) {
    if ((context.component->decoder.modes & mode) == 0) continue;
    for (const auto& options : all) {
      const auto encoded = Encode(*format, mode, table, options);
      if (!encoded) continue;
      has_any = true;
      std::string how = mode == THRONG_RECORDS_STREAM ? "as a stream" : "as messages";
      for (const auto& [name, text] : options) how += fmt::format(" with {} {}", name, text);
      if (absl::Status status = visit(*encoded, how); !status.ok()) return status;
    }
  }
  return has_any;
}

absl::Status CheckDecoderMemory(CheckContext& context) {
  return CheckGivesBack([&] { return MakeDecoder(context).status(); });
}

absl::Status CheckDecoderEdges(CheckContext& context) {
  for (const auto& options : EdgeOptions(*context.component)) {
    absl::Status status = CheckRefusal(MakeDecoder(context, options).status());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CompareRows(const Encoded& encoded, const std::vector<std::string>& expected,
                         const std::string& how, const CheckContext& context, size_t step) {
  const auto decoder = MakeDecoder(context);
  if (!decoder.ok()) return decoder.status();
  std::vector<std::string> found;
  std::string damage;
  absl::Status status = DecodeInSteps(decoder->get(), encoded, step,
                                      [&](const Wanted& wanted, const throng_decoded& decoded) {
                                        for (uint32_t i = 0; i < decoded.rows; ++i)
                                          found.push_back(wanted.Row(i));
                                        if (decoded.damages_count > 0 && damage.empty())
                                          damage = decoded.damages[0].sentence;
                                      });
  const std::string in_steps =
      fmt::format("{}, {} at once", how,
                  encoded.mode == THRONG_RECORDS_STREAM ? fmt::format("{} bytes", step)
                                                        : fmt::format("{} messages", step));
  // Messages may need what is not here, as a registry with their schemas; and a format may leave
  // out columns, of which its decoder then says so.
  const bool may_refuse = encoded.mode == THRONG_RECORDS_MESSAGES || absl::IsNotFound(status);
  if (!status.ok() && may_refuse && found.empty()) return CheckRefusal(status);
  if (!status.ok()) return status;
  if (!damage.empty())
    return Fault("{}, it finds damage where there is none: {}", in_steps, damage);
  if (found == expected) return absl::OkStatus();
  const auto row = static_cast<size_t>(
      std::mismatch(found.begin(), found.end(), expected.begin(), expected.end()).first -
      found.begin());
  return Fault("{}, row {} is `{}` and was `{}`; {} rows are read of {}.", in_steps, row,
               row < found.size() ? found[row] : "", row < expected.size() ? expected[row] : "",
               found.size(), expected.size());
}

absl::Status CheckReadsBack(CheckContext& context) {
  const StandInTable table(kRows, /*is_wide=*/false);
  const std::vector<std::string> expected = RowsOf(table);
  const auto has_any = ForEachEncoded(
      context, table, [&](const Encoded& encoded, const std::string& how) -> absl::Status {
        for (const size_t step : {size_t{64} << 10, size_t{7}, size_t{1}}) {
          absl::Status status = CompareRows(encoded, expected, how, context, step);
          if (!status.ok()) return status;
        }
        return absl::OkStatus();
      });
  if (!has_any.ok()) return has_any.status();
  return *has_any ? absl::OkStatus() : DoesNotApply(&context);
}

// Whether the decoder comes to an end with it, in one way or another.
absl::Status Survive(const CheckContext& context, const Encoded& encoded, size_t step) {
  const auto decoder = MakeDecoder(context);
  if (!decoder.ok()) return decoder.status();
  const absl::Status status =
      DecodeInSteps(decoder->get(), encoded, step, [](const Wanted&, const throng_decoded&) {});
  // What the host finds wrong of the component itself.
  return absl::IsInternal(status) ? status : CheckRefusal(status);
}

absl::Status CheckSurvives(CheckContext& context) {
  std::mt19937_64 random(context.seed);
  const auto below = [&](size_t end) { return end == 0 ? 0 : random() % end; };
  std::vector<Encoded> samples;
  const StandInTable table(100, /*is_wide=*/false);
  const auto has_any =
      ForEachEncoded(context, table, [&](const Encoded& encoded, const std::string&) {
        samples.push_back(encoded);
        return absl::OkStatus();
      });
  if (!has_any.ok()) return has_any.status();
  for (int i = 0; i < kGarbage; ++i) {
    const bool takes_stream = (context.component->decoder.modes & THRONG_RECORDS_STREAM) != 0;
    Encoded garbage{.mode = takes_stream ? THRONG_RECORDS_STREAM : THRONG_RECORDS_MESSAGES,
                    .stream = {},
                    .values = {}};
    std::string bytes(below(kMostGarbageBytes), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    garbage.stream = bytes;
    garbage.values = {bytes};
    // Half of them are sound at first, or nearly.
    if (i % 2 == 0 && !samples.empty()) {
      garbage = samples[below(samples.size())];
      std::string& text = garbage.mode == THRONG_RECORDS_STREAM
                              ? garbage.stream
                              : garbage.values[below(garbage.values.size())];
      text.resize(below(text.size() + 1));
      for (size_t changes = below(4); changes > 0 && !text.empty(); --changes) {
        text[below(text.size())] = static_cast<char>(random());
      }
    }
    absl::Status status = Survive(context, garbage, 1 + below(kMostGarbageBytes));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

constexpr unsigned kSourceBit = RoleBit(Role::kSource);
constexpr unsigned kDecoderBit = RoleBit(Role::kDecoder);

constexpr Check kReaderChecks[] = {
    {"is created, and gives back what it took", kSourceBit, CheckSourceMemory, false, true},
    {"works or says why not at the edges of its options", kSourceBit, CheckSourceEdges},
    {"opens, or says why not", kSourceBit, CheckOpens},
    {"is created, and gives back what it took", kDecoderBit, CheckDecoderMemory, false, true},
    {"works or says why not at the edges of its options", kDecoderBit, CheckDecoderEdges},
    {"reads back what the format of its name writes", kDecoderBit, CheckReadsBack},
    {"comes to an end with what is damaged or garbage", kDecoderBit, CheckSurvives},
};

}  // namespace

std::span<const Check> ReaderChecks() { return kReaderChecks; }

}  // namespace throng
