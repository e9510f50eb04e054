#include "server/inspection/summarize.h"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <thread>
#include <utility>

#include "server/control/digest.h"
#include "server/delivery/walk.h"
#include "server/inspection/checklist.h"
#include "server/inspection/figures.h"
#include "server/inspection/known_spec.h"
#include "server/inspection/promised_ratings.h"
#include "server/inspection/row_feed.h"
#include "server/inspection/states.h"

namespace throng {
namespace {

constexpr int64_t kWaitMs = 200;
constexpr auto kProgressInterval = std::chrono::milliseconds(500);
constexpr int kMostDamaged = 10;
constexpr int64_t kUnitRows = 16'384;
constexpr int kMostThreads = 64;
constexpr int kMembersOfMessage = 65'536;

class Summarizer {
 public:
  Summarizer(const v1::SummarizeRequest& request, const Inspection& inspection,
             const OpenRows& open)
      : request_(request), inspection_(inspection), open_(open) {}

  absl::Status Run() {
    if (absl::Status status = CheckRequest(); !status.ok()) return status;
    if (request_.has_spec()) {
      known_.plan = PlanNamed(request_.spec(), inspection_);
      if (known_.plan == nullptr) return Refused();
    }
    if (HasStates()) return MergeStates();
    if (request_.sources().empty()) return MakeRows();
    return ReadSources();
  }

 private:
  absl::Status Refuse(std::string field, std::string sentence) {
    inspection_.problems->push_back({std::move(field), std::move(sentence)});
    return Refused();
  }
  static absl::Status Refused() {
    return absl::InvalidArgumentError("The request cannot be answered as it is.");
  }

  bool HasStates() const { return !request_.states().empty() || !request_.state_files().empty(); }

  absl::Status CheckRequest() {
    if (!request_.sources().empty() && HasStates()) {
      return Refuse(request_.states().empty() ? "state_files" : "states",
                    "States are merged, or sources read, not both in one call.");
    }
    if (request_.sources().empty() && !HasStates() && !request_.has_spec()) {
      return Refuse("sources", "Name what to sum up: a file or a topic, states, or a spec.");
    }
    return absl::OkStatus();
  }

  absl::Status CheckStop() const {
    if (!inspection_.environment.IsStopping()) return absl::OkStatus();
    return absl::CancelledError("Stopped.");
  }

  absl::Status ShowProgress(int64_t rows, int64_t taken, int64_t size) {
    progress_.set_rows(rows);
    progress_.set_taken(taken);
    progress_.set_size(size);
    const auto now = std::chrono::steady_clock::now();
    if (now - shown_ < kProgressInterval) return absl::OkStatus();
    shown_ = now;
    v1::SummarizeResponse response;
    *response.mutable_progress() = progress_;
    return inspection_.send(response);
  }

  // ---- Sources ----

  absl::Status ReadSources() {
    std::vector<std::unique_ptr<RowReader>> readers;
    std::vector<std::string> files;
    int file_sources = 0;
    for (const v1::DataSource& source : request_.sources()) {
      ReadRequest wanted{.source = source};
      // Data of others may lack them; figures then do too, and say so.
      wanted.is_optional[static_cast<size_t>(FoundColumn::kRating)] = true;
      wanted.is_optional[static_cast<size_t>(FoundColumn::kTimestamp)] = true;
      for (const FoundColumn column : {FoundColumn::kKind, FoundColumn::kCluster,
                                       FoundColumn::kCategory, FoundColumn::kSessionId}) {
        wanted.wanted[static_cast<size_t>(column)] = true;
      }
      auto reader = open_(wanted, inspection_);
      if (!reader.ok()) return reader.status();
      if (source.source().component() == "file") ++file_sources;
      files.insert(files.end(), (*reader)->pieces().begin(), (*reader)->pieces().end());
      readers.push_back(*std::move(reader));
    }
    if (file_sources == request_.sources_size()) {
      TakeKnown(ReadManifests(files, inspection_));
    } else if (file_sources == 0 && known_.plan == nullptr) {
      TakeKnown(ReadPositions(request_.sources(), inspection_));
    }
    RowFeed feed(known_.plan.get());
    int64_t size = 0;
    for (const auto& reader : readers) {
      size = size < 0 || reader->size() < 0 ? -1 : size + reader->size();
    }
    int64_t taken = 0;
    for (auto& reader : readers) {
      if (absl::Status status = Read(reader.get(), taken, size, &feed); !status.ok()) {
        return status;
      }
      taken += reader->taken();
      reader.reset();
    }
    return Answer(feed.counts(), &feed.times(), damaged_);
  }

  // What the data say of themselves; a spec that was named is stronger.
  void TakeKnown(KnownSpec told) {
    known_.rows = told.rows;
    known_.notes = std::move(told.notes);
    if (known_.plan == nullptr) known_.plan = std::move(told.plan);
  }

  absl::Status Read(RowReader* reader, int64_t taken_before, int64_t size, RowFeed* feed) {
    FoundRows rows;
    do {
      if (absl::Status status = CheckStop(); !status.ok()) return status;
      absl::Status status = reader->Next(kWaitMs, &rows);
      if (absl::IsDataLoss(status)) {
        AddDamage({.piece = "",
                   .row = feed->counts().rows,
                   .column = "",
                   .sentence = std::string(status.message())});
      } else if (!status.ok()) {
        return status;
      }
      for (const Damage& damage : rows.damages) AddDamage(damage);
      if (status = feed->Take(rows); !status.ok()) return status;
      status = ShowProgress(feed->counts().rows, taken_before + reader->taken(), size);
      if (!status.ok()) return status;
    } while (!rows.is_end);
    return absl::OkStatus();
  }

  void AddDamage(const Damage& damage) {
    ++damaged_;
    if (examples_.size() >= kMostDamaged) return;
    v1::DamagedRecord* example = examples_.Add();
    example->set_piece(damage.piece);
    example->set_offset(damage.offset);
    example->set_row(damage.row);
    example->set_column(damage.column);
    example->set_sentence(damage.sentence);
  }

  // ---- A spec alone ----

  absl::Status MakeRows() {
    const Plan& plan = *known_.plan;
    if (!plan.spec().has_interactions()) {
      return Refuse("spec.dataset.interactions",
                    "A dataset without end has no figures; say how many interactions.");
    }
    const Slice slice(0, std::min(plan.spec().interactions(), plan.end()));
    RowFeed feed(&plan);
    const auto blocks = plan.MakeBlocks();
    const int threads =
        std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMostThreads);
    Walk<MadeRows> walk(
        slice, kUnitRows, 0, threads, [&]() -> absl::StatusOr<Walk<MadeRows>::Fill> {
          auto made = plan.MakeGenerator(blocks);
          if (!made.ok()) return made.status();
          auto columns = std::make_shared<Columns>(static_cast<size_t>(kUnitRows));
          return [&plan, columns, generator = std::shared_ptr<Generator>(*std::move(made))](
                     const Unit& unit, MadeRows* rows) {
            absl::Status status = generator->Fill(unit.first, unit.rows, columns.get(), 0);
            if (status.ok()) rows->Take(plan, *columns, unit.first, unit.rows);
            return status;
          };
        });
    while (true) {
      if (absl::Status status = CheckStop(); !status.ok()) return status;
      const auto block = walk.Next();
      if (!block.ok()) return block.status();
      if (*block == nullptr) break;
      feed.Take((*block)->payload);
      absl::Status status = ShowProgress(feed.counts().rows, feed.counts().rows, slice.end());
      if (!status.ok()) return status;
    }
    return Answer(feed.counts(), &feed.times(), {});
  }

  // ---- States ----

  absl::Status MergeStates() {
    const auto states = StatesOf(request_, inspection_);
    if (!states.ok()) return states.status();
    RowCounts counts;
    bool is_first = true;
    for (const auto& [field, state] : *states) {
      if (absl::Status status = CheckStop(); !status.ok()) return status;
      const std::string wrong = counts.Merge(state);
      if (!wrong.empty()) return Refuse(field, "This state cannot be merged: " + wrong);
      TakeTotals(state, std::exchange(is_first, false));
    }
    progress_.set_rows(counts.rows);
    return Answer(counts, nullptr, {});
  }

  // Those that all states agree on.
  void TakeTotals(const v1::StatisticsState& state, bool is_first) {
    const auto take = [is_first](int64_t stated, int64_t* total) {
      if (is_first || *total != stated) *total = is_first ? stated : 0;
    };
    take(state.total_users(), &stated_.users);
    take(state.total_items(), &stated_.items);
  }

  // ---- The answer ----

  absl::Status Answer(RowCounts& counts, TimeCounts* times, std::optional<int64_t> damaged) {
    const Plan* plan = known_.plan.get();
    KnownWorld world = stated_;
    if (plan != nullptr) world = {plan->world().users, plan->world().items, &plan->world()};

    v1::SummarizeResponse response;
    *response.mutable_progress() = progress_;
    *response.mutable_statistics() = DeriveStatistics(counts, world);
    if (!counts.has_no_figures) {
      const bool is_ordered = times != nullptr && times->Finish();
      *response.mutable_figures() = DeriveFigures(counts, is_ordered ? times : nullptr, world);
      AddNotes(counts, times != nullptr, is_ordered, response.mutable_figures());
    }
    *response.mutable_checklist() =
        MakeChecklist({.statistics = response.statistics(),
                       .figures = response.has_figures() ? &response.figures() : nullptr,
                       .counts = &counts,
                       .plan = plan,
                       .is_whole = plan != nullptr && IsWhole(*plan, counts.rows),
                       .damaged_records = damaged,
                       .expected_rows = known_.rows});
    if (plan != nullptr) {
      *response.mutable_dataset() = plan->spec();
      response.set_fingerprint(ToHex(plan->fingerprint()));
      for (v1::PromisedRating& rating : PromisedRatings(plan->spec().rating())) {
        *response.add_promised_ratings() = std::move(rating);
      }
    }
    response.set_damaged_records(damaged.value_or(0));
    *response.mutable_damaged() = examples_;
    if (absl::Status status = inspection_.send(response); !status.ok()) return status;
    return request_.with_state() ? SendState(counts, world) : absl::OkStatus();
  }

  void AddNotes(const RowCounts& counts, bool is_of_rows, bool is_ordered,
                v1::Figures* figures) const {
    for (const std::string& note : known_.notes) figures->add_notes(note);
    if (is_of_rows && counts.rows > counts.timed_rows) {
      figures->add_notes(
          counts.timed_rows == 0
              ? "No row has a time; what needs times is left out."
              : "Some rows have no time; gaps, sessions and timelines are left out.");
    } else if (is_of_rows && !is_ordered) {
      figures->add_notes(
          fmt::format("Rows are not in order of time, and more than the {} that are put in order "
                      "here; gaps, sessions and timelines are left out.",
                      TimeCounts::kMostEvents));
    }
    if (!is_of_rows) {
      figures->add_notes(
          "Of merged states gaps, sessions, timelines, and who was there in each week or in the "
          "last fifth only, are not known.");
    }
  }

  absl::Status SendState(const RowCounts& counts, const KnownWorld& world) {
    for (v1::StatisticsState& part : SplitState(counts.State(world.users, world.items))) {
      v1::SummarizeResponse response;
      *response.mutable_progress() = progress_;
      *response.mutable_state() = std::move(part);
      if (absl::Status status = inspection_.send(response); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  const v1::SummarizeRequest& request_;
  const Inspection& inspection_;
  const OpenRows& open_;
  KnownSpec known_;
  KnownWorld stated_;
  v1::InspectionProgress progress_;
  std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
  int64_t damaged_ = 0;
  google::protobuf::RepeatedPtrField<v1::DamagedRecord> examples_;
};

// Deals a state's members to messages.
class StateSplitter {
 public:
  explicit StateSplitter(const v1::StatisticsState& state) : parts_(1, state) {
    v1::StatisticsState& first = parts_.front();
    first.clear_user_rows();
    first.clear_item_rows();
    first.clear_other_user_rows();
    first.clear_other_item_rows();
    first.mutable_figures()->clear_users();
    first.mutable_figures()->clear_items();
    if (!state.has_figures()) first.clear_figures();
  }

  template <class Pieces, class Add>
  void Deal(const Pieces& pieces, const v1::MemberMoments* moments, int* moment,
            v1::MemberMoments* (v1::FiguresState::*own)(), const Add& add) {
    for (const auto& piece : pieces) {
      const int size = SizeOf(piece);
      if (members_ > 0 && members_ + size > kMembersOfMessage) {
        parts_.emplace_back();
        members_ = 0;
      }
      members_ += size;
      add(&parts_.back(), piece);
      if (moments == nullptr) continue;
      v1::MemberMoments* more = (parts_.back().mutable_figures()->*own)();
      for (int i = MembersOf(piece); i > 0; --i, ++*moment) {
        more->add_rated_rows(moments->rated_rows(*moment));
        more->add_rating_hundredths(moments->rating_hundredths(*moment));
        more->add_first_time_ms(moments->first_time_ms(*moment));
        more->add_label(moments->label(*moment));
      }
    }
  }

  std::vector<v1::StatisticsState> Take() { return std::move(parts_); }

 private:
  static int SizeOf(const v1::CountChunk& chunk) { return chunk.rows_size(); }
  static int SizeOf(const v1::IdRows&) { return 1; }
  static int MembersOf(const v1::CountChunk& chunk) {
    return static_cast<int>(std::count_if(chunk.rows().begin(), chunk.rows().end(),
                                          [](int64_t rows) { return rows > 0; }));
  }
  static int MembersOf(const v1::IdRows&) { return 1; }

  std::vector<v1::StatisticsState> parts_;
  int members_ = 0;
};

}  // namespace

std::vector<v1::StatisticsState> SplitState(const v1::StatisticsState& state) {
  StateSplitter splitter(state);
  const v1::MemberMoments* users = state.has_figures() ? &state.figures().users() : nullptr;
  const v1::MemberMoments* items = state.has_figures() ? &state.figures().items() : nullptr;
  int user = 0;
  int item = 0;
  constexpr auto kUsers = &v1::FiguresState::mutable_users;
  constexpr auto kItems = &v1::FiguresState::mutable_items;
  splitter.Deal(state.user_rows(), users, &user, kUsers,
                [](auto* part, const auto& chunk) { *part->add_user_rows() = chunk; });
  splitter.Deal(state.other_user_rows(), users, &user, kUsers,
                [](auto* part, const auto& other) { *part->add_other_user_rows() = other; });
  splitter.Deal(state.item_rows(), items, &item, kItems,
                [](auto* part, const auto& chunk) { *part->add_item_rows() = chunk; });
  splitter.Deal(state.other_item_rows(), items, &item, kItems,
                [](auto* part, const auto& other) { *part->add_other_item_rows() = other; });
  return splitter.Take();
}

absl::Status Summarize(const v1::SummarizeRequest& request, const Inspection& inspection) {
  return Summarize(request, inspection, [](const ReadRequest& wanted, const Inspection& own) {
    return RowReader::Open(wanted, own.catalogue, own.environment);
  });
}

absl::Status Summarize(const v1::SummarizeRequest& request, const Inspection& inspection,
                       const OpenRows& open) {
  return Summarizer(request, inspection, open).Run();
}

}  // namespace throng
