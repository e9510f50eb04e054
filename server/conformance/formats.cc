// Checks of formats: the same records from any instance, whatever the blocks.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "server/conformance/check.h"
#include "server/conformance/format_trial.h"
#include "server/conformance/stand_in.h"
#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/host/process.h"
#include "throng/random.hpp"

namespace throng {
namespace {

using Trial = FormatTrial;
using Case = OutputCase;

constexpr int64_t kRows = 10'007;

using TrialOr = absl::StatusOr<std::unique_ptr<Trial>>;

bool Makes(const CheckContext& context, uint32_t mode) {
  return (context.component->format.modes & mode) != 0;
}

// Runs `check` with every kind of output that the format can make, and a table of some blocks.
absl::Status ForEachCase(
    const CheckContext& context,
    const std::function<absl::Status(const Case& output, const StandInTable& table)>& check) {
  for (const uint32_t mode : {THRONG_RECORDS_STREAM, THRONG_RECORDS_MESSAGES}) {
    if (!Makes(context, mode)) continue;
    for (const bool is_wide : {false, true}) {
      const Case output{mode, is_wide};
      auto table = std::make_unique<StandInTable>(kRows, is_wide);
      const TrialOr trial = Trial::Begin(context, output, *table);
      // Columns that are not the table's own may be refused.
      if (!trial.ok() && is_wide) continue;
      if (!trial.ok()) return trial.status();
      const int64_t cut_rows = (*trial)->prologue().cut_rows;
      if (cut_rows > 1) table = std::make_unique<StandInTable>(2 * cut_rows + kRows, is_wide);
      if (absl::Status status = check(output, *table); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

// The first place where two texts differ.
size_t Difference(std::string_view a, std::string_view b) {
  const auto shorter = static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + shorter, b.begin()).first -
                             a.begin());
}

absl::Status Compare(const Case& output, const EncodedRows& expected, const EncodedRows& found,
                     std::string_view how) {
  if (expected.bytes != found.bytes) {
    return Fault("{}, the records differ at byte {} {}.", output.ToString(),
                 Difference(expected.bytes, found.bytes), how);
  }
  if (expected.key_end != found.key_end || expected.value_end != found.value_end) {
    return Fault("{}, the ends of keys or values differ {}.", output.ToString(), how);
  }
  return absl::OkStatus();
}

absl::Status CheckBegins(CheckContext& context) {
  return ForEachCase(context, [](const Case&, const StandInTable&) { return absl::OkStatus(); });
}

absl::Status CheckEdges(CheckContext& context) {
  for (const auto& options : EdgeOptions(*context.component)) {
    absl::Status status =
        ForEachCase(context, [&](const Case& output, const StandInTable& table) -> absl::Status {
          const TrialOr trial = Trial::Begin(context, output, table, "", options);
          if (!trial.ok()) return CheckRefusal(trial.status());
          const int64_t cut_rows = std::max<int64_t>(100, (*trial)->prologue().cut_rows);
          RecordBuffer buffer;
          EncodedRows encoded;
          return CheckRefusal(
              (*trial)->Encode(0, std::min(cut_rows, table.rows()), buffer.abi(), &encoded));
        });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckMemory(CheckContext& context) {
  const bool makes_stream = Makes(context, THRONG_RECORDS_STREAM);
  const Case output{makes_stream ? THRONG_RECORDS_STREAM : THRONG_RECORDS_MESSAGES, false};
  const StandInTable table(100, false);
  return CheckGivesBack([&] { return Trial::Begin(context, output, table).status(); });
}

absl::Status CheckKeeps(CheckContext& context) {
  context.is_lending = true;
  return ForEachCase(context, [&](const Case& output, const StandInTable& table) -> absl::Status {
    // What the first was lent for its life is gone when the second lives.
    for (int i = 0; i < 2; ++i) {
      const TrialOr trial = Trial::Begin(context, output, table);
      if (!trial.ok()) return trial.status();
      const int64_t step = std::max<int64_t>(100, (*trial)->prologue().cut_rows);
      RecordBuffer buffer;
      EncodedRows encoded;
      absl::Status status;
      for (const int64_t first : {int64_t{0}, step}) {
        if (status.ok()) status = (*trial)->Encode(first, step, buffer.abi(), &encoded);
      }
      encoded.bytes = buffer.bytes();
      if (status.ok() && output.mode == THRONG_RECORDS_STREAM) {
        status = (*trial)->End(encoded).status();
      }
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  });
}

absl::Status CheckPrologues(CheckContext& context) {
  return ForEachCase(context, [&](const Case& output, const StandInTable& table) -> absl::Status {
    const TrialOr first = Trial::Begin(context, output, table);
    if (!first.ok()) return first.status();
    const Format::Prologue& expected = (*first)->prologue();
    if (output.mode == THRONG_RECORDS_MESSAGES && !expected.bytes.empty()) {
      return Fault("messages have no prologue, and it has one of {} bytes.", expected.bytes.size());
    }
    // Later instances are given the state that the first one returned.
    for (const std::string& state : {std::string(), expected.state}) {
      const TrialOr other = Trial::Begin(context, output, table, state);
      if (!other.ok()) return other.status();
      const Format::Prologue& found = (*other)->prologue();
      if (found.bytes != expected.bytes || found.state != expected.state ||
          found.cut_rows != expected.cut_rows) {
        return Fault("{}, two instances began with different prologues.", output.ToString());
      }
    }
    return absl::OkStatus();
  });
}

// A buffer that gives no byte more than was asked for, and moves every time.
struct StrictBuffer : throng_buffer {
  static constexpr size_t kGuard = 64;
  static constexpr char kFill = '\xa5';

  StrictBuffer() : throng_buffer{} {
    struct_size = sizeof(throng_buffer);
    reserve = [](throng_buffer* buffer, size_t bytes) -> int32_t {
      return static_cast<StrictBuffer*>(buffer)->Move(buffer->size + bytes);
    };
    Move(0);
  }
  ~StrictBuffer() { std::free(data); }
  StrictBuffer(const StrictBuffer&) = delete;
  StrictBuffer& operator=(const StrictBuffer&) = delete;

  int32_t Move(size_t new_capacity) {
    Verify();
    auto* moved = static_cast<char*>(std::malloc(new_capacity + kGuard));
    if (moved == nullptr) return 0;
    std::memset(moved, kFill, new_capacity + kGuard);
    if (data != nullptr) std::memcpy(moved, data, std::min(size, new_capacity));
    std::free(data);
    data = moved;
    capacity = new_capacity;
    return 1;
  }
  void Verify() {
    if (data == nullptr) return;
    is_whole =
        is_whole && size <= capacity &&
        std::all_of(data + capacity, data + capacity + kGuard, [](char c) { return c == kFill; });
  }

  bool is_whole = true;
};

absl::Status CheckAppends(CheckContext& context) {
  return ForEachCase(context, [&](const Case& output, const StandInTable& table) -> absl::Status {
    const TrialOr trial = Trial::Begin(context, output, table);
    if (!trial.ok()) return trial.status();
    StrictBuffer buffer;
    EncodedRows encoded;
    const int64_t step = std::max<int64_t>(1000, (*trial)->prologue().cut_rows);
    std::string before;
    for (int64_t first = 0; first < 3 * step && first < table.rows(); first += step) {
      const int64_t rows = std::min(step, table.rows() - first);
      absl::Status status = (*trial)->Encode(first, rows, &buffer, &encoded);
      if (!status.ok()) return status;
      buffer.Verify();
      if (!buffer.is_whole) {
        return Fault("{}, it wrote beyond what it had reserved, at rows {} to {}.",
                     output.ToString(), first, first + rows - 1);
      }
      const std::string_view after(buffer.data, buffer.size);
      if (!after.starts_with(before)) {
        return Fault("{}, it changed what the buffer held before, at rows {} to {}.",
                     output.ToString(), first, first + rows - 1);
      }
      before = after;
    }
    return absl::OkStatus();
  });
}

absl::Status CheckEnds(CheckContext& context) {
  if (!Makes(context, THRONG_RECORDS_MESSAGES)) return DoesNotApply(&context);
  return ForEachCase(context, [&](const Case& output, const StandInTable& table) -> absl::Status {
    if (output.mode != THRONG_RECORDS_MESSAGES) return absl::OkStatus();
    const TrialOr trial = Trial::Begin(context, output, table);
    if (!trial.ok()) return trial.status();
    const auto encoded = (*trial)->EncodeAll(std::max<int64_t>(100, (*trial)->prologue().cut_rows));
    if (!encoded.ok()) return encoded.status();
    uint32_t end = 0;
    for (size_t i = 0; i < encoded->key_end.size(); ++i) {
      const uint32_t key_end = encoded->key_end[i];
      const uint32_t value_end = encoded->value_end[i];
      if (key_end < end || value_end < key_end) {
        return Fault(
            "{}, the key of row {} ends at {} and its value at {}; the row before ends at "
            "{}.",
            output.ToString(), i, key_end, value_end, end);
      }
      end = value_end;
    }
    if (end == encoded->bytes.size()) return absl::OkStatus();
    return Fault("{}, the last value ends at {}, and the buffer at {}.", output.ToString(), end,
                 encoded->bytes.size());
  });
}

absl::Status CheckBlocks(CheckContext& context) {
  return ForEachCase(context, [&](const Case& output, const StandInTable& table) -> absl::Status {
    const TrialOr reference = Trial::Begin(context, output, table);
    if (!reference.ok()) return reference.status();
    const int64_t cut_rows = (*reference)->prologue().cut_rows;
    if (cut_rows > 1) return absl::OkStatus();  // it is given whole cuts, whatever the batches
    const auto expected = (*reference)->EncodeAll(4096);
    if (!expected.ok()) return expected.status();
    for (const int64_t block_rows : {1, 7}) {
      const TrialOr trial = Trial::Begin(context, output, table);
      if (!trial.ok()) return trial.status();
      const auto found = (*trial)->EncodeAll(block_rows);
      if (!found.ok()) return found.status();
      absl::Status status =
          Compare(output, *expected, *found,
                  fmt::format("in blocks of {} rows from those in blocks of 4096", block_rows));
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  });
}

absl::Status CheckOrder(CheckContext& context) {
  return ForEachCase(context, [&](const Case& output, const StandInTable& table) -> absl::Status {
    const TrialOr reference = Trial::Begin(context, output, table);
    const TrialOr other = Trial::Begin(context, output, table);
    if (!reference.ok() || !other.ok()) return reference.ok() ? other.status() : reference.status();
    const int64_t step = std::max<int64_t>(100, (*reference)->prologue().cut_rows);
    const auto expected = (*reference)->EncodeAll(step);
    if (!expected.ok()) return expected.status();
    const auto blocks = static_cast<uint64_t>((table.rows() + step - 1) / step);
    const Permutation order(blocks, 1);
    std::vector<std::string> parts(blocks);
    std::vector<std::string> notes(blocks);
    for (uint64_t i = 0; i < blocks; ++i) {
      const uint64_t block = order.Map(i);
      const int64_t first = static_cast<int64_t>(block) * step;
      RecordBuffer buffer;
      EncodedRows encoded;
      absl::Status status =
          (*other)->Encode(first, std::min(step, table.rows() - first), buffer.abi(), &encoded);
      if (!status.ok()) return status;
      parts[block] = buffer.bytes();
      for (const EncodedRows::Note& note : encoded.notes) notes[block] = note.bytes;
    }
    std::string found;
    for (const std::string& part : parts) found += part;
    if (found != expected->bytes) {
      return Fault("{}, the records of another instance, in another order, differ at byte {}.",
                   output.ToString(), Difference(found, expected->bytes));
    }
    notes.resize(expected->notes.size());
    for (size_t i = 0; i < notes.size(); ++i) {
      if (notes[i] == expected->notes[i].bytes) continue;
      return Fault("{}, the note of cut {} is another one from another instance, in another order.",
                   output.ToString(), i);
    }
    return absl::OkStatus();
  });
}

absl::Status CheckEpilogues(CheckContext& context) {
  if (!Makes(context, THRONG_RECORDS_STREAM)) return DoesNotApply(&context);
  return ForEachCase(context, [&](const Case& output, const StandInTable& table) -> absl::Status {
    if (output.mode != THRONG_RECORDS_STREAM) return absl::OkStatus();
    const TrialOr worker = Trial::Begin(context, output, table);
    const TrialOr other = Trial::Begin(context, output, table);
    if (!worker.ok() || !other.ok()) return worker.ok() ? other.status() : worker.status();
    const auto encoded =
        (*worker)->EncodeAll(std::max<int64_t>(100, (*worker)->prologue().cut_rows));
    if (!encoded.ok()) return encoded.status();
    const auto expected = (*worker)->End(*encoded);
    if (!expected.ok()) return expected.status();
    const auto found = (*other)->End(*encoded);
    if (!found.ok()) return found.status();
    if (*expected == *found) return absl::OkStatus();
    return Fault("{}, an instance that encoded nothing ends otherwise than one that did.",
                 output.ToString());
  });
}

absl::Status TakeDigest(CheckContext& context) {
  return ForEachCase(context, [&](const Case& output, const StandInTable& table) -> absl::Status {
    const TrialOr trial = Trial::Begin(context, output, table);
    if (!trial.ok()) return trial.status();
    const int64_t step = std::max<int64_t>(4096, (*trial)->prologue().cut_rows);
    const auto encoded = (*trial)->EncodeAll(step);
    if (!encoded.ok()) return encoded.status();
    const auto epilogue =
        output.mode == THRONG_RECORDS_STREAM ? (*trial)->End(*encoded) : std::string();
    if (!epilogue.ok()) return epilogue.status();
    context.digest += fmt::format(
        "prologue {}\nrecords {}\nepilogue {}\n", Digest().Add((*trial)->prologue().bytes).Hex(),
        Digest().Add(encoded->bytes).Hex(), Digest().Add(*epilogue).Hex());
    return absl::OkStatus();
  });
}

constexpr unsigned kFormatBit = RoleBit(Role::kFormat);

constexpr Check kFormatChecks[] = {
    {"is created and begins", kFormatBit, CheckBegins, false, true},
    {"works or says why not at the edges of its options", kFormatBit, CheckEdges},
    {"gives back what it took", kFormatBit, CheckMemory},
    {"keeps nothing for longer than it is lent", kFormatBit, CheckKeeps},
    {"prologues of all instances agree", kFormatBit, CheckPrologues},
    {"appends what it reserved room for alone", kFormatBit, CheckAppends},
    {"says where keys and values end", kFormatBit, CheckEnds},
    {"equal bytes for blocks of 1, 7 and 4096", kFormatBit, CheckBlocks},
    {"equal bytes in any order and from any instance", kFormatBit, CheckOrder},
    {"the epilogue does not depend on what an instance encoded", kFormatBit, CheckEpilogues},
    {"equal bytes in a new process", kFormatBit, TakeDigest, true},
};

}  // namespace

std::span<const Check> FormatChecks() { return kFormatChecks; }

}  // namespace throng
