#include "server/inspection/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "server/control/status.h"
#include "server/inspection/row_reader.h"
#include "server/inspection/verify_decoding.h"
#include "server/inspection/verify_output.h"
#include "server/inspection/verify_source.h"
#include "server/inspection/verify_stream.h"

namespace throng {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kProgressInterval{500};
constexpr int64_t kWaitMs = 500;

class Verifier {
 public:
  Verifier(const v1::VerifyRequest& request, const VerifyGiven& given, const Inspection& inspection)
      : request_(request),
        inspection_(inspection),
        given_(given),
        maker_(given, inspection),
        threads_(static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))) {}

  absl::Status Run() {
    if (request_.sources().empty()) {
      inspection_.problems->push_back({"sources", "Is empty; name a file or a topic to verify."});
      return absl::InvalidArgumentError("nothing to verify");
    }
    auto by_bytes = request_.any_order() ? absl::StatusOr<bool>(false) : OpenAll();
    if (!by_bytes.ok()) return by_bytes.status();
    absl::Status status = *by_bytes ? VerifyBytes() : VerifyRows();
    if (!status.ok()) return status;
    v1::VerifyResponse response;
    *response.mutable_progress() = ProgressNow();
    *response.mutable_verification() = result_;
    return inspection_.send(response);
  }

 private:
  struct Opened {
    VerifySource source;
    std::vector<std::string> outputs;  // keys: by piece; of messages one
    std::vector<size_t> expected;      // which of the output's expectations, by piece
  };

  // Opens all sources; whether it is known of all what their bytes must be.
  absl::StatusOr<bool> OpenAll() {
    size_ = 0;
    for (int i = 0; i < request_.sources_size(); ++i) {
      const std::string field = fmt::format("sources[{}]", i);
      auto source = MakeVerifySource(request_.sources(i), field, inspection_);
      if (!source.ok()) return source.status();
      Opened& opened = opened_.emplace_back();
      opened.source = *std::move(source);
      // How far a topic is must be known before its end is.
      absl::StatusOr<bool> known = true;
      if (opened.source.is_messages) known = ExpectMessages(&opened);
      if (!known.ok()) return known.status();
      absl::Status status = opened.source.Open(field, inspection_);
      if (!status.ok()) return status;
      if (size_ >= 0) size_ = opened.source.place.size < 0 ? -1 : size_ + opened.source.place.size;
      if (!opened.source.is_messages) known = ExpectFiles(&opened);
      if (!known.ok()) return known.status();
      if (!*known) {
        opened_.clear();
        outputs_.clear();
        return false;
      }
    }
    return true;
  }

  void Expect(Expectation expectation, Opened* opened) {
    const std::string key = expectation.output_key;
    VerifyOutput& output = outputs_[key];
    opened->outputs.push_back(key);
    opened->expected.push_back(output.expected().size());
    output.Add(std::move(expectation));
  }

  absl::StatusOr<bool> ExpectFiles(Opened* opened) {
    const std::vector<std::string>& pieces = opened->source.place.pieces;
    for (const std::string& piece : pieces) {
      auto expectation = maker_.OfFile(piece);
      if (!expectation.ok()) return expectation.status();
      if (!*expectation) return false;
      Expect(**std::move(expectation), opened);
    }
    // A pattern means all that there should be.
    const bool is_pattern = pieces.size() > 1 || pieces.front() != opened->source.options.place();
    for (const std::string& key : opened->outputs) {
      if (is_pattern || outputs_[key].expected().size() > 1) outputs_[key].LookForAll();
    }
    return true;
  }

  absl::StatusOr<bool> ExpectMessages(Opened* opened) {
    auto expectations = maker_.OfTopic(opened->source.source.get(), opened->source.options.place());
    if (!expectations.ok()) return expectations.status();
    if (expectations->empty()) return false;
    for (Expectation& expectation : *expectations) Expect(std::move(expectation), opened);
    outputs_[opened->outputs.front()].LookForAll();
    return true;
  }

  absl::Status VerifyBytes() {
    for (auto& [key, output] : outputs_) {
      absl::Status status = output.Begin(&maker_, inspection_, threads_);
      if (!status.ok()) return status;
    }
    for (Opened& opened : opened_) {
      absl::Status status =
          opened.source.is_messages ? VerifyMessages(&opened) : VerifyFiles(&opened);
      if (!status.ok()) return status;
    }
    for (auto& [key, output] : outputs_) {
      if (absl::Status status = output.Finish(&result_); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status VerifyFiles(Opened* opened) {
    FoundBytes found(opened->source.source.get());
    const int64_t taken_before = taken_;
    for (size_t i = 0; i < opened->source.place.pieces.size(); ++i) {
      const auto has_piece = found.NextPiece();
      if (!has_piece.ok()) return has_piece.status();
      if (!*has_piece) break;
      VerifyOutput& output = outputs_[opened->outputs[i]];
      const std::string& piece = opened->source.place.pieces[i];
      const auto number = static_cast<uint32_t>(pieces_++);
      if (output.matcher() != nullptr) output.matcher()->SetPiece(number, piece);
      const int64_t rows_before = rows_;
      StreamVerifier verifier(output.expected()[opened->expected[i]], piece, number, &found,
                              output.matcher(), output.order(), output.findings(), inspection_,
                              threads_, [&](int64_t rows) {
                                rows_ = rows_before + rows;
                                taken_ = taken_before + found.taken();
                                return ShowProgress();
                              });
      if (absl::Status status = verifier.Verify(); !status.ok()) return status;
      rows_ = rows_before + verifier.found_rows();
      if (output.matcher() == nullptr) output.CountFound(verifier.found_rows());
    }
    taken_ = taken_before + found.taken();
    return absl::OkStatus();
  }

  absl::Status VerifyMessages(Opened* opened) {
    VerifyOutput& output = outputs_[opened->outputs.front()];
    const OutputRequest& request = *output.expected().front().request;
    if (output.side_table() != nullptr) return VerifySideTable(opened, output.side_table());
    RowMatcher& matcher = *output.matcher();
    auto decoding = VerifyDecoding::Create(request, matcher.text(), inspection_);
    if (!decoding.ok()) return decoding.status();
    absl::Status status = matcher.SetColumns((*decoding)->columns(), false);
    if (!status.ok()) return status;
    const std::vector<std::string>& pieces = opened->source.place.pieces;
    const auto first_piece = static_cast<uint32_t>(pieces_);
    pieces_ += pieces.size();
    for (size_t i = 0; i < pieces.size(); ++i) {
      matcher.SetPiece(first_piece + static_cast<uint32_t>(i), pieces[i]);
    }
    status = (*decoding)->Begin(opened->source.options.place());
    for (bool is_end = false; status.ok() && !is_end;) {
      throng_input input;
      status = opened->source.source->Read(kWaitMs, &input);
      if (!status.ok()) break;
      is_end = input.is_end != 0;
      const throng_message* messages = input.messages;
      status = (*decoding)->Decode(
          messages, input.messages_count,
          [&](FoundRow row) {
            const throng_message& message = messages[row.offset];
            row.offset = message.offset;
            row.piece = first_piece + message.piece;
            row.message_time = message.time < 0 ? kNotThere : message.time;
            row.record_hash = RecordHash({message.key.data, message.key.size},
                                         {message.value.data, message.value.size});
            return matcher.Add(std::move(row));
          },
          [&](int64_t index, const std::string& sentence) {
            const throng_message& message = messages[index];
            output.findings()->Add(v1::DIFFERENCE_KIND_DAMAGED,
                                   ExampleAt(pieces[message.piece], message.offset, "", sentence));
          });
      taken_ += input.messages_count;
      rows_ += input.messages_count;
      if (status.ok()) status = ShowProgress();
    }
    return status;
  }

  absl::Status VerifySideTable(Opened* opened, SideTableCheck* check) {
    const std::vector<std::string>& pieces = opened->source.place.pieces;
    pieces_ += pieces.size();
    for (bool is_end = false; !is_end;) {
      throng_input input;
      absl::Status status = opened->source.source->Read(kWaitMs, &input);
      for (size_t i = 0; status.ok() && i < input.messages_count; ++i) {
        const throng_message& message = input.messages[i];
        status =
            check->Add(pieces[message.piece], message.offset, {message.key.data, message.key.size},
                       {message.value.data, message.value.size});
      }
      if (!status.ok()) return status;
      is_end = input.is_end != 0;
      taken_ += static_cast<int64_t>(input.messages_count);
      rows_ += static_cast<int64_t>(input.messages_count);
      if (status = ShowProgress(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // ---- Rows, whoever wrote them ----

  // The rows that must be there, and of what dataset.
  absl::StatusOr<std::shared_ptr<const Plan>> WantRows(WantedRows* wanted) {
    if (given_.run) {
      auto plan = maker_.GivenPlan();
      if (!plan.ok()) return plan.status();
      const bool is_all = given_.run->outputs_size() != 1 ||
                          given_.run->outputs(0).table() != v1::TABLE_INTERACTIONS;
      if (!is_all) {
        auto made = maker_.Make(*given_.run);
        if (!made.ok()) return made.status();
        wanted->Add(made->request->slice());
        wanted->is_open = made->request->slice().IsEndless();
        return made->plan;
      }
      const v1::DatasetSpec& dataset = (*plan)->spec();
      wanted->is_open = !dataset.has_interactions();
      const Slice all(0, wanted->is_open ? Slice::kEndless : dataset.interactions());
      wanted->Add(all.Below((*plan)->end()));
      return *plan;
    }
    // Of what was written first, whatever became of it.
    auto known = OpenAll();
    if (!known.ok()) return known.status();
    const VerifyOutput& output = outputs_[opened_.front().outputs.front()];
    for (const Expectation& expectation : output.expected()) {
      const Slice slice = expectation.request->PartSlice(expectation.part);
      wanted->Add(expectation.position ? slice.Below(*expectation.position) : slice, slice);
    }
    wanted->is_open = output.expected().front().request->slice().IsEndless();
    return output.expected().front().plan;
  }

  absl::Status VerifyRows() {
    RowMatcher::Settings settings;
    auto plan = WantRows(&settings.wanted);
    if (!plan.ok()) return plan.status();
    settings.plan = plan->get();
    settings.threads = threads_;
    settings.is_stopping = [this] { return inspection_.environment.IsStopping(); };
    OrderCheck order;
    LatenessMeter lateness;
    Findings findings;
    std::unique_ptr<RowMatcher> matcher;
    settings.on_row = [&](const FoundRow& found, int64_t row, int64_t time, bool is_new) {
      if (row == RowMatcher::kNoRow) return;
      if (request_.any_order()) {
        lateness.Add(found, row, time);
      } else if (is_new) {
        order.Add(found, row);
      }
    };
    settings.on_batch = [&] { order.Check(nullptr, matcher.get()); };
    matcher = std::make_unique<RowMatcher>(std::move(settings), &findings);
    size_ = 0;
    for (int i = 0; i < request_.sources_size(); ++i) {
      absl::Status status = ReadRows(i, matcher.get(), &findings);
      if (!status.ok()) return status;
    }
    if (absl::Status status = matcher->Finish(); !status.ok()) return status;
    result_.set_expected_rows(matcher->wanted().Rows());
    result_.set_found_rows(matcher->found_rows());
    findings.AddTo(&result_);
    if (request_.any_order()) lateness.AddTo(&result_);
    return absl::OkStatus();
  }

  absl::Status ReadRows(int index, RowMatcher* matcher, Findings* findings) {
    ReadRequest request;
    request.source = request_.sources(index);
    request.wanted.fill(true);
    request.is_optional.fill(true);
    auto reader = RowReader::Open(request, inspection_.catalogue, inspection_.environment);
    if (!reader.ok()) {
      const std::string field = OptionOf(reader.status());
      if (!field.empty()) {
        inspection_.problems->push_back(
            {fmt::format("sources[{}].{}", index, field), MessageOf(reader.status())});
      }
      return reader.status();
    }
    RowReader& rows = **reader;
    const auto first_piece = static_cast<uint32_t>(pieces_);
    pieces_ += rows.pieces().size();
    for (size_t i = 0; i < rows.pieces().size(); ++i) {
      matcher->SetPiece(first_piece + static_cast<uint32_t>(i), rows.pieces()[i]);
    }
    if (size_ >= 0) size_ = rows.size() < 0 ? -1 : size_ + rows.size();
    const int64_t taken_before = taken_;
    FoundRows found;
    do {
      absl::Status status = rows.Next(kWaitMs, &found);
      if (absl::IsDataLoss(status)) {
        findings->Add(v1::DIFFERENCE_KIND_DAMAGED, ExampleAt("", 0, "", MessageOf(status)));
        found = {};
        continue;
      }
      if (!status.ok()) return status;
      for (const Damage& damage : found.damages) {
        const std::string what =
            damage.column.empty() ? damage.sentence : damage.column + ": " + damage.sentence;
        findings->Add(v1::DIFFERENCE_KIND_DAMAGED,
                      ExampleAt(damage.piece, damage.offset, "", what));
      }
      absl::Status taken = found.rows > 0 ? Take(found, first_piece, matcher) : absl::OkStatus();
      if (!taken.ok()) return taken;
      rows_ += static_cast<int64_t>(found.rows);
      taken_ = taken_before + rows.taken();
      if (absl::Status shown = ShowProgress(); !shown.ok()) return shown;
    } while (!found.is_end);
    return absl::OkStatus();
  }

  static absl::Status Take(const FoundRows& found, uint32_t first_piece, RowMatcher* matcher) {
    const ColumnSet columns = {!found.user_id.empty(),        !found.item_id.empty(),
                               !found.rating.empty(),         !found.timestamp.empty(),
                               !found.interaction_id.empty(), !found.kind.empty(),
                               !found.cluster.empty(),        !found.category.empty(),
                               !found.session_id.empty(),     !found.session_row.empty()};
    absl::Status status = matcher->SetColumns(columns, false);
    for (size_t i = 0; status.ok() && i < found.rows; ++i) {
      FoundRow row = matcher->text().RowOf(found, i);
      row.piece += first_piece;
      status = matcher->Add(std::move(row));
    }
    return status;
  }

  v1::InspectionProgress ProgressNow() const {
    v1::InspectionProgress progress;
    progress.set_rows(rows_);
    progress.set_taken(taken_);
    progress.set_size(size_);
    return progress;
  }

  absl::Status ShowProgress() {
    if (inspection_.environment.IsStopping()) return absl::CancelledError("stopped");
    const Clock::time_point now = Clock::now();
    if (now - shown_ < kProgressInterval) return absl::OkStatus();
    shown_ = now;
    v1::VerifyResponse response;
    *response.mutable_progress() = ProgressNow();
    return inspection_.send(response);
  }

  const v1::VerifyRequest& request_;
  const Inspection& inspection_;
  const VerifyGiven& given_;
  ExpectationMaker maker_;
  const int threads_;
  std::vector<Opened> opened_;
  std::map<std::string, VerifyOutput> outputs_;  // by key
  v1::Verification result_;
  size_t pieces_ = 0;  // of all sources before
  int64_t rows_ = 0;
  int64_t taken_ = 0;
  int64_t size_ = 0;
  Clock::time_point shown_ = Clock::now();
};

}  // namespace

absl::Status Verify(const v1::VerifyRequest& request, const VerifyGiven& given,
                    const Inspection& inspection) {
  try {
    return Verifier(request, given, inspection).Run();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("there is not enough memory to verify these data.");
  } catch (const std::exception& error) {  // of the standard library, such as no more threads
    return absl::InternalError(error.what());
  }
}

}  // namespace throng
