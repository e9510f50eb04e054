// The job of a generation RPC: rows of a dataset as packed batches, in order, over the row channel.
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <thread>

#include "server/control/digest.h"
#include "server/control/frame.h"
#include "server/control/status.h"
#include "server/dataset/generator.h"
#include "server/dataset/slice.h"
#include "server/delivery/walk.h"
#include "server/host/behaviours.h"
#include "server/host/instances.h"
#include "server/spec/spec_request.h"
#include "server/worker/jobs.h"
#include "server/worker/messages.h"
#include "throng/plugin.h"
#include "throng/v1/generation_service.pb.h"

namespace throng {
namespace {

constexpr int64_t kMostBatchRows = 16'384;
constexpr int64_t kDefaultBatchRows = 4'096;
// Rows that a thread encodes at once: some batches.
constexpr int64_t kUnitRows = 16'384;
using FrameWalk = Walk<RecordBuffer>;

enum Column {
  kUser,
  kItem,
  kRating,
  kTime,
  kKind,
  kCluster,
  kCategory,
  kSessionId,
  kSessionRow,
  kAsked,  // by their names, and the others where those of ids are
  kUserUuid = kAsked,
  kItemUuid,
  kColumns
};
constexpr size_t kUuidBytes = 16;
struct ColumnInfo {
  const char* name;
  uint8_t field;  // in InteractionBatch
  size_t bytes;   // of a row
};
constexpr ColumnInfo kInfo[kColumns] = {
    {"user_id", 4, 4},      {"item_id", 5, 4},    {"rating", 6, 4},    {"timestamp", 7, 8},
    {"kind", 8, 4},         {"cluster", 9, 4},    {"category", 10, 4}, {"session_id", 11, 8},
    {"session_row", 12, 4}, {"", 14, kUuidBytes}, {"", 15, kUuidBytes}};

struct Request {
  int64_t start = 0;
  int64_t rows = 0;  // Slice::kEndless: until the dataset ends
  int64_t batch_rows = kDefaultBatchRows;
  std::array<bool, kColumns> has{};
  std::vector<std::string> further_names;  // as "choice.niche", each once
  std::vector<FurtherColumn> further;      // once they are looked up
};

// ---- Protobuf's wire format, for packed columns that are copied rather than appended ----

size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

char* PutVarint(char* at, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
  *at++ = static_cast<char>(value);
  return at;
}

// Tag and length of a field of bytes; field numbers here are below 16.
char* PutHead(char* at, uint8_t field, size_t length) {
  *at++ = static_cast<char>(field << 3 | 2);
  return PutVarint(at, length);
}

size_t FieldBytes(size_t length) { return 1 + VarintBytes(length) + length; }

// How FurtherValues has the values of a column.
struct FurtherForm {
  uint8_t field;
  size_t bytes;  // of a row
};
FurtherForm FormOf(const FurtherColumn& column) {
  using Values = v1::FurtherValues;
  if (column.type == THRONG_COLUMN_LABEL) return {Values::kLabelIndexesFieldNumber, 4};
  if (column.type == THRONG_COLUMN_FLOAT64) return {Values::kNumbersFieldNumber, 8};
  return {Values::kIntegersFieldNumber, 8};
}

template <class Value>
void PutIntegers(const void* values, size_t rows, char* at) {
  for (size_t i = 0; i < rows; ++i) {
    const int64_t value = static_cast<const Value*>(values)[i];
    std::memcpy(at + i * sizeof value, &value, sizeof value);
  }
}

void PutFurther(const FurtherColumn& column, const void* values, size_t rows, char* at) {
  switch (column.type) {
    case THRONG_COLUMN_BOOL:
      return PutIntegers<uint8_t>(values, rows, at);
    case THRONG_COLUMN_RATING:
      return PutIntegers<int32_t>(values, rows, at);
    default:  // as it is
      std::memcpy(at, values, rows * column.width());
  }
}

// One thread's generator and the columns of a batch.
class BatchEncoder {
 public:
  BatchEncoder(const Plan& plan, const Request& request, std::unique_ptr<Generator> generator)
      : plan_(plan),
        world_(plan.world()),
        plan_size_(plan.spec().plan_size()),
        request_(request),
        generator_(std::move(generator)),
        columns_(static_cast<size_t>(request.batch_rows), request.further),
        numbers_(static_cast<size_t>(request.batch_rows)),
        groups_(static_cast<size_t>(request.batch_rows)) {}

  // Appends the frame of a GenerateResponse with the rows [first, first + rows).
  absl::Status Append(int64_t first, size_t rows, RecordBuffer* out) {
    absl::Status status = generator_->Fill(first, static_cast<int64_t>(rows), &columns_, 0);
    if (!status.ok()) return status;
    size_t batch_bytes = first == 0 ? 0 : 1 + VarintBytes(static_cast<uint64_t>(first));
    for (size_t c = 0; c < kColumns; ++c) {
      if (request_.has[c]) batch_bytes += FieldBytes(rows * kInfo[c].bytes);
    }
    for (const FurtherColumn& column : request_.further) {
      batch_bytes += FieldBytes(FieldBytes(rows * FormOf(column).bytes));
    }
    const size_t message_bytes = FieldBytes(batch_bytes);
    throng_buffer* buffer = out->abi();
    if (buffer->reserve(buffer, kFrameHeaderBytes + message_bytes) == 0) {
      return absl::ResourceExhaustedError("out of memory");
    }
    char* at = buffer->data + buffer->size;
    buffer->size += kFrameHeaderBytes + message_bytes;
    const auto length = static_cast<uint32_t>(message_bytes);
    std::memcpy(at, &length, sizeof length);
    at = PutHead(at + sizeof length, v1::GenerateResponse::kBatchFieldNumber, batch_bytes);
    if (first != 0) {
      *at++ = static_cast<char>(v1::InteractionBatch::kFirstRowFieldNumber << 3);
      at = PutVarint(at, static_cast<uint64_t>(first));
    }
    for (size_t c = 0; c < kColumns; ++c) {
      if (!request_.has[c]) continue;
      at = PutHead(at, kInfo[c].field, rows * kInfo[c].bytes);
      PutColumn(static_cast<Column>(c), first, rows, at);
      at += rows * kInfo[c].bytes;
    }
    for (size_t i = 0; i < request_.further.size(); ++i) {
      const FurtherForm form = FormOf(request_.further[i]);
      const size_t bytes = rows * form.bytes;
      at = PutHead(at, v1::InteractionBatch::kFurtherFieldNumber, FieldBytes(bytes));
      at = PutHead(at, form.field, bytes);
      PutFurther(request_.further[i], columns_.Further(i, 0), rows, at);
      at += bytes;
    }
    return absl::OkStatus();
  }

 private:
  void PutColumn(Column column, int64_t first, size_t rows, char* at) {
    switch (column) {
      case kUser:
        world_.user_number(world_.self, columns_.user.data(), numbers_.data(), rows);
        return PutNumbers(std::span(numbers_).first(rows), plan_.user_ids().first(), at);
      case kItem:
        world_.item_number(world_.self, columns_.item.data(), numbers_.data(), rows);
        return PutNumbers(std::span(numbers_).first(rows), plan_.item_ids().first(), at);
      case kUserUuid:
        world_.user_number(world_.self, columns_.user.data(), numbers_.data(), rows);
        return PutUuids(plan_.user_ids(), std::span(numbers_).first(rows), at);
      case kItemUuid:
        world_.item_number(world_.self, columns_.item.data(), numbers_.data(), rows);
        return PutUuids(plan_.item_ids(), std::span(numbers_).first(rows), at);
      case kRating:
        std::memcpy(at, columns_.rating.data(), rows * sizeof(int32_t));
        return;
      case kTime:
        std::memcpy(at, columns_.time.data(), rows * sizeof(int64_t));
        return;
      case kKind:
        return PutNumbers(std::span(columns_.kind).first(rows), 0, at);
      case kCluster:
        world_.user_cluster(world_.self, columns_.user.data(), groups_.data(), rows);
        return PutNumbers(std::span(groups_).first(rows), 0, at);
      case kCategory:
        world_.item_category(world_.self, columns_.item.data(), groups_.data(), rows);
        return PutNumbers(std::span(groups_).first(rows), 0, at);
      case kSessionId:
        FillSessionIds(first, plan_size_, std::span(columns_.session).first(rows), numbers_.data());
        std::memcpy(at, numbers_.data(), rows * sizeof(int64_t));
        return;
      case kSessionRow:
        return PutNumbers(std::span(columns_.session_row).first(rows), 0, at);
      case kColumns:
        return;
    }
  }

  static void PutUuids(const IdText& ids, std::span<const int64_t> numbers, char* at) {
    for (const int64_t number : numbers) {
      ids.PutUuid(number, at);
      at += kUuidBytes;
    }
  }

  template <class Number>
  static void PutNumbers(std::span<Number> numbers, int64_t plus, char* at) {
    for (const Number number : numbers) {
      const auto value = static_cast<uint32_t>(static_cast<int64_t>(number) + plus);
      std::memcpy(at, &value, sizeof value);
      at += sizeof value;
    }
  }

  const Plan& plan_;
  const throng_world& world_;
  const int64_t plan_size_;
  const Request& request_;
  std::unique_ptr<Generator> generator_;
  Columns columns_;
  std::vector<int64_t> numbers_;
  std::vector<int32_t> groups_;
};

Request ReadRequest(const worker::v1::GenerateJob& job, const v1::DatasetSpec& dataset,
                    Problems* problems) {
  Request request;
  const int64_t all = dataset.has_interactions() ? dataset.interactions() : Slice::kEndless;
  request.start = job.start_row();
  if (job.start_row() < 0) {
    problems->push_back({"start_row", fmt::format("Must be at least 0, the first row, found {}.",
                                                  job.start_row())});
  } else if (job.start_row() > all) {
    problems->push_back(
        {"start_row", fmt::format("Must be at most {}, the dataset's interactions, found {}.", all,
                                  job.start_row())});
  }
  if (job.has_row_limit() && job.row_limit() < 1) {
    problems->push_back({"row_limit", fmt::format("Must be at least 1, found {}; leave it out for "
                                                  "all rows that follow.",
                                                  job.row_limit())});
  }
  if (job.batch_rows() < 0 || job.batch_rows() > kMostBatchRows) {
    problems->push_back({"batch_rows", fmt::format("Must lie between 1 and {}, found {}.",
                                                   kMostBatchRows, job.batch_rows())});
  }
  if (job.batch_rows() > 0) request.batch_rows = job.batch_rows();
  for (size_t c = 0; c <= kTime; ++c) request.has[c] = job.columns().empty();
  std::vector<std::string> known;
  for (size_t c = 0; c < kAsked; ++c) known.emplace_back(kInfo[c].name);
  for (const std::string& name : job.columns()) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found != known.end()) {
      request.has[static_cast<size_t>(found - known.begin())] = true;
    } else if (name.find('.') != std::string::npos) {  // which the plan knows
      std::vector<std::string>& names = request.further_names;
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    } else {
      problems->push_back(
          {"columns", fmt::format("Unknown column \"{}\".{}", name, DidYouMean(name, known))});
    }
  }
  const bool has_uuids = dataset.world().ids() == v1::IDS_UUID;
  request.has[kUserUuid] = has_uuids && request.has[kUser];
  request.has[kItemUuid] = has_uuids && request.has[kItem];
  request.rows = all == Slice::kEndless ? all : all - request.start;
  if (job.has_row_limit()) request.rows = std::min(request.rows, job.row_limit());
  return request;
}

// Outputs and slices are not looked at; what is wrong with them is nobody's business here.
bool IsOfDataset(std::string_view field) {
  return !field.starts_with("outputs") && !field.starts_with("slice") && !field.starts_with("pace");
}

v1::GenerateHeader HeaderOf(const Plan& plan, const Request& request) {
  v1::GenerateHeader header;
  const v1::DatasetSpec& dataset = plan.spec();
  header.set_fingerprint(ToHex(plan.fingerprint()));
  header.set_interactions(dataset.has_interactions() ? dataset.interactions() : -1);
  header.set_start_row(request.start);
  header.set_user_prefix(dataset.world().user_prefix());
  header.set_item_prefix(dataset.world().item_prefix());
  if (request.has[kKind]) {
    for (const KindRows& kind : plan.kinds()) header.add_kinds(kind.name);
  }
  for (const v1::Cluster& cluster : dataset.world().clusters()) {
    if (request.has[kCluster]) header.add_clusters(cluster.name());
  }
  for (const v1::Category& category : dataset.world().categories()) {
    if (request.has[kCategory]) header.add_categories(category.name());
  }
  for (const FurtherColumn& column : request.further) {
    v1::FurtherColumn* further = header.add_further();
    further->set_name(column.FullName());
    for (const std::string& label : column.labels) further->add_labels(label);
  }
  return header;
}

// Whether the plan, which is known by now, has the first row; there are no more than it has.
bool FitsInto(const Plan& plan, Request* request, Problems* problems) {
  if (request->start > plan.end()) {
    problems->push_back(
        {"start_row", fmt::format("Must be at most {}, from when on event times would lie beyond "
                                  "the year 9999, found {}.",
                                  plan.end(), request->start)});
    return false;
  }
  if (plan.end() != Slice::kEndless) {
    request->rows = std::min(request->rows, plan.end() - request->start);
  }
  return true;
}

// Whether the behaviours have the further columns.
bool FindFurther(const Plan& plan, Request* request, Problems* problems) {
  const std::vector<FurtherColumn>& known = plan.further_columns(v1::TABLE_INTERACTIONS);
  std::vector<std::string> names;
  names.reserve(known.size());
  for (const FurtherColumn& column : known) names.push_back(column.FullName());
  for (const std::string& name : request->further_names) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) {
      request->further.push_back(known[static_cast<size_t>(found - names.begin())]);
    } else {
      problems->push_back({"columns", fmt::format("The dataset has no column \"{}\".{}", name,
                                                  DidYouMean(name, names))});
    }
  }
  return problems->empty();
}

// Sends all batches. The units of the walk are numbers of batches: where batches begin depends on
// the start row.
absl::Status Stream(const Plan& plan, const Request& request, int threads, JobControl* control) {
  const bool is_endless = request.rows == Slice::kEndless;
  const int64_t batches =
      is_endless ? Slice::kEndless : (request.rows + request.batch_rows - 1) / request.batch_rows;
  const Slice slice(0, batches);
  const auto blocks = plan.MakeBlocks(request.further);
  const auto make = [&]() -> absl::StatusOr<FrameWalk::Fill> {
    auto generator = plan.MakeGenerator(blocks);
    if (!generator.ok()) return generator.status();
    auto encoder = std::make_shared<BatchEncoder>(plan, request, *std::move(generator));
    return [&request, encoder, is_endless](const Unit& unit, RecordBuffer* frames) {
      frames->Clear();
      absl::Status status;
      for (int64_t i = 0; i < unit.rows && status.ok(); ++i) {
        const int64_t done = (unit.first + i) * request.batch_rows;
        const int64_t rows =
            is_endless ? request.batch_rows : std::min(request.batch_rows, request.rows - done);
        status = encoder->Append(request.start + done, static_cast<size_t>(rows), frames);
      }
      return status;
    };
  };
  const int64_t unit_rows = std::max<int64_t>(1, kUnitRows / request.batch_rows);
  blocks->Keep(WalkRing::Span(threads, unit_rows * request.batch_rows));
  FrameWalk walk(slice, unit_rows, 0, threads, make);
  control->OnStop([] { shutdown(kRowFd, SHUT_RDWR); });  // wakes a write that waits for its reader
  while (!control->IsStopping()) {
    const auto block = walk.Next();
    if (!block.ok()) return block.status();
    if (*block == nullptr) break;
    if (!WriteAll(kRowFd, (*block)->payload.bytes()).ok()) break;  // the reader went: all is well
  }
  return absl::OkStatus();
}

}  // namespace

worker::v1::Finished Execute(const worker::v1::GenerateJob& job, const worker::v1::Start& /*start*/,
                             const Catalogue& catalogue, JobControl* control) {
  Problems problems;
  const auto spec = ReadSpecRequest({.source = job.has_source() ? &job.source() : nullptr,
                                     .asked = job.has_asked() ? &job.asked() : nullptr,
                                     .needs_outputs = false},
                                    &problems);
  if (!spec) return AsFinished(problems);
  std::erase_if(problems, [](const Problem& problem) { return !IsOfDataset(problem.field); });
  Request request = ReadRequest(job, spec->dataset(), &problems);
  std::unique_ptr<Plan> plan;
  if (problems.empty()) {
    plan =
        PlanDataset(spec->dataset(), catalogue, *control->environment(), job.now_ms(), &problems);
  }
  if (plan == nullptr || !FitsInto(*plan, &request, &problems) ||
      !FindFurther(*plan, &request, &problems)) {
    return AsFinished(problems);
  }
  if (!job.fingerprint().empty() && job.fingerprint() != ToHex(plan->fingerprint())) {
    return AsFinished(absl::FailedPreconditionError(
        "The run's rows cannot be made here: another plugin, processor or C library makes other "
        "rows. Ask where the run was created."));
  }
  worker::v1::FromWorker message;
  *message.mutable_planned()->mutable_plan() = PlanMessage(*plan, nullptr);
  *message.mutable_planned()->mutable_asked() = *spec;
  message.mutable_planned()->mutable_asked()->mutable_dataset()->set_plan_size(
      plan->spec().plan_size());
  control->Send(message);
  v1::GenerateResponse first;
  *first.mutable_header() = HeaderOf(*plan, request);
  if (!WriteFrame(kRowFd, first).ok()) return {};
  const int threads = spec->threads() > 0
                          ? spec->threads()
                          : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return AsFinished(Stream(*plan, request, threads, control));
}

}  // namespace throng
