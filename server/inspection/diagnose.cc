#include "server/inspection/diagnose.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "server/control/status.h"
#include "server/delivery/encoder.h"
#include "server/delivery/output_request.h"
#include "server/delivery/place.h"
#include "server/delivery/table.h"
#include "server/host/behaviours.h"
#include "server/host/option_table.h"
#include "server/host/readers.h"
#include "server/inspection/row_reader.h"
#include "server/spec/spec_request.h"

namespace throng {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int64_t kRows = 100;  // as the size `quick` has it, of 20 users and 50 items
constexpr milliseconds kPatience{5'000};
constexpr milliseconds kRetryInterval{200};
constexpr int64_t kWaitMs = 100;

// A row as it must come back: user, item, hundredths of stars, seconds (what is text has no less).
using Row = std::tuple<std::string, std::string, int64_t, int64_t>;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int64_t NowMs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

std::string NewUid() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

// Those of the options that the component has too.
v1::Component WithOptionsOf(const v1::Component& given, const Component& component) {
  v1::Component made;
  made.set_component(component.name);
  for (const auto& option : given.options()) {
    if (HasOption(component.options, option.first)) made.mutable_options()->insert(option);
  }
  return made;
}

class Diagnosis {
 public:
  Diagnosis(const v1::RunSpec& spec, const Plan& plan, const OutputRequest& output,
            const Component& source, const Component* decoder, const Inspection& inspection)
      : output_(output),
        source_(source),
        inspection_(inspection),
        place_(output, inspection.environment),
        plan_(plan) {
    *read_.source.mutable_source() = WithOptionsOf(spec.outputs(0).sink(), source);
    if (decoder != nullptr) {
      *read_.source.mutable_decoder() = WithOptionsOf(spec.outputs(0).format(), *decoder);
    }
    read_.follows = read_.from_end = true;
  }

  absl::Status Run() {
    bool goes_on = true;
    if (absl::Status status = Probe(&goes_on); !status.ok() || !goes_on) return status;
    Clock::time_point start = Clock::now();
    const absl::Status produced = Produce();
    v1::DiagnosisStep step;
    step.set_name("produce");
    step.set_ok(produced.ok());
    step.set_seconds(SecondsSince(start));
    step.set_sentence(
        produced.ok()
            ? fmt::format("{} rows of 20 users and 50 items are committed to {}, and stay there.",
                          kRows, output_.destination())
            : MessageOf(produced) +
                  " Mend that, or check that this user may write to the topic and use "
                  "transactions (the rights Write and Describe), and try again.");
    if (absl::Status status = Send(step, !produced.ok()); !status.ok() || !produced.ok()) {
      return status;
    }
    start = Clock::now();
    step = ReadBack();
    step.set_seconds(SecondsSince(start));
    (void)place_.Reset(uid_);  // nobody goes on with this
    return Send(step, true);
  }

 private:
  absl::Status Send(const v1::DiagnosisStep& step, bool is_last) const {
    v1::DiagnoseResponse response;
    *response.mutable_step() = step;
    response.set_is_last(is_last);
    return inspection_.send(response);
  }

  // The steps that the source knows of.
  absl::Status Probe(bool* goes_on) {
    const std::map<std::string, std::string> options(read_.source.source().options().begin(),
                                                     read_.source.source().options().end());
    const OptionValues values =
        OptionValues::Parse(source_, options, "sink", inspection_.now_ms, inspection_.problems,
                            inspection_.environment.source_roots);
    if (!inspection_.problems->empty()) return absl::InvalidArgumentError("sink");
    auto source = Source::Create(source_, inspection_.environment, values.values());
    if (!source.ok()) return source.status();
    absl::Status sent;
    const absl::Status status = (*source)->Probe([&](const ProbeStep& probe) {
      v1::DiagnosisStep step;
      step.set_name(probe.name);
      step.set_ok(probe.status.ok());
      step.set_sentence(probe.sentence);
      step.set_seconds(probe.seconds);
      *goes_on = *goes_on && step.ok();
      sent.Update(Send(step, !step.ok()));
    });
    if (!sent.ok()) return sent;
    return absl::IsUnimplemented(status) ? absl::OkStatus() : status;
  }

  // Calls again for a while what says that it is not possible now.
  static absl::Status Retry(const std::function<absl::Status()>& call) {
    const Clock::time_point give_up = Clock::now() + kPatience;
    while (true) {
      absl::Status status = call();
      const bool is_transient = absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
      if (!is_transient || Clock::now() >= give_up) return status;
      std::this_thread::sleep_for(kRetryInterval);
    }
  }

  absl::Status Produce() {
    absl::Status status = Retry([this] { return place_.Open(uid_, /*sends_again=*/true); });
    if (!status.ok()) return status;
    place_.TakeUp();
    status = Retry([this] { return place_.Begin(); });
    if (!status.ok()) return status;
    auto encoder = Encoder::Create(place_.encoding());
    if (!encoder.ok()) return encoder.status();
    Unit unit;
    unit.rows = kRows;
    unit.next = kRows;
    Encoded encoded;
    status = (*encoder)->Encode(unit, &encoded);
    if (status.ok()) status = Expect();
    if (!status.ok()) return status;
    // From here on, so that nothing of what comes is missed.
    status = Retry([this]() -> absl::Status {
      auto reader = RowReader::Open(read_, inspection_.catalogue, inspection_.environment);
      // A topic that was made just now is not known everywhere.
      if (absl::IsNotFound(reader.status())) {
        return absl::UnavailableError(reader.status().message());
      }
      if (!reader.ok()) return reader.status();
      reader_ = *std::move(reader);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    throng_records records{};
    records.struct_size = sizeof records;
    records.rows = kRows;
    records.bytes = {encoded.records.bytes().data(), encoded.records.bytes().size()};
    records.key_end = encoded.key_end.data();
    records.value_end = encoded.value_end.data();
    records.event_time = encoded.time.data();
    status = Retry([&] { return place_.sink()->Write(records); });
    if (!status.ok()) return status;
    const std::string state = place_.HostState(std::nullopt, std::nullopt);
    return Retry([&] { return place_.sink()->Commit(kRows, state); });
  }

  // Notes what must come back.
  absl::Status Expect() {
    auto generator = plan_.MakeGenerator(plan_.MakeBlocks());
    if (!generator.ok()) return generator.status();
    Columns columns(kRows);
    if (absl::Status status = (*generator)->Fill(0, kRows, &columns, 0); !status.ok()) {
      return status;
    }
    std::vector<int64_t> users(kRows), items(kRows);
    const throng_world& world = plan_.world();
    world.user_number(world.self, columns.user.data(), users.data(), kRows);
    world.item_number(world.self, columns.item.data(), items.data(), kRows);
    for (size_t i = 0; i < kRows; ++i) {
      ++expected_[{plan_.user_ids().Of(users[i]), plan_.item_ids().Of(items[i]), columns.rating[i],
                   columns.time[i] / 1000}];
    }
    return absl::OkStatus();
  }

  v1::DiagnosisStep ReadBack() {
    v1::DiagnosisStep step;
    step.set_name("read_back");
    int64_t missing = kRows, others = 0;
    std::vector<double> latencies;
    std::string trouble;
    FoundRows rows;
    for (const auto give_up = Clock::now() + kPatience; missing > 0 && Clock::now() < give_up;) {
      const absl::Status status = reader_->Next(kWaitMs, &rows);
      const int64_t now_ms = NowMs();
      if (!status.ok()) trouble = MessageOf(status);
      if (!status.ok() && !absl::IsDataLoss(status)) break;
      if (!status.ok()) continue;
      others += static_cast<int64_t>(rows.damages.size());
      for (size_t i = 0; i < rows.rows; ++i) {
        const auto text = [](throng_bytes bytes) { return std::string(bytes.data, bytes.size); };
        const auto found =
            expected_.find({text(rows.user_id[i]), text(rows.item_id[i]),
                            std::llround(rows.rating[i] * 100), rows.timestamp[i] / 1000});
        if (found == expected_.end()) {
          ++others;
          continue;
        }
        if (--found->second == 0) expected_.erase(found);
        --missing;
        if (rows.message_time.empty() || rows.message_time[i] < 0) continue;
        const int64_t latency = now_ms - rows.message_time[i];
        latencies.push_back(static_cast<double>(std::max<int64_t>(0, latency)));
      }
    }
    step.set_ok(missing == 0);
    const std::string besides =
        others == 0 ? "" : fmt::format(" {} other records came in between.", others);
    if (missing > 0) {
      step.set_sentence(fmt::format(
          "{} of {} rows came back within {} s.{}{} Check that this user may read the topic (the "
          "right Read), and that nothing takes records out of it or changes them.",
          kRows - missing, kRows, kPatience.count() / 1000, besides,
          trouble.empty() ? "" : " " + trouble));
      return step;
    }
    step.set_sentence(fmt::format("All {} rows came back as they were written.{}", kRows, besides));
    if (latencies.empty()) return step;
    std::sort(latencies.begin(), latencies.end());
    const auto quantile = [&latencies](double share) {
      const double at = std::ceil(share * static_cast<double>(latencies.size())) - 1;
      return latencies[static_cast<size_t>(std::max(0.0, at))];
    };
    for (const double share : {0.0, 0.5, 0.99, 1.0}) step.add_latency_ms(quantile(share));
    return step;
  }

  const OutputRequest& output_;
  const Component& source_;
  const Inspection& inspection_;
  Place place_;
  const Plan& plan_;
  const std::string uid_ = NewUid();
  ReadRequest read_;
  std::unique_ptr<RowReader> reader_;
  std::map<Row, int> expected_;
};

}  // namespace

absl::Status Diagnose(const v1::DiagnoseRequest& request, const Inspection& inspection) {
  Problems& problems = *inspection.problems;
  if (request.sink().component().empty()) {
    problems.push_back({"sink", "Must say what to try, as kafka with its servers and topic."});
    return absl::InvalidArgumentError("sink");
  }
  v1::SpecSource asked;
  asked.mutable_spec()->mutable_dataset()->set_size("quick");
  asked.mutable_spec()->mutable_dataset()->set_preset("seed");
  v1::OutputSpec* output_spec = asked.mutable_spec()->add_outputs();
  output_spec->set_name("doctor");
  *output_spec->mutable_sink() = request.sink();
  *output_spec->mutable_format() = request.format();
  if (request.format().component().empty()) output_spec->mutable_format()->set_component("json");
  const auto spec = ReadSpecRequest({.source = &asked}, &problems);
  if (!spec || !problems.empty()) return absl::InvalidArgumentError("sink");
  OutputRequest output(*spec, 0, inspection.catalogue, inspection.environment, inspection.now_ms,
                       &problems);
  if (problems.empty() && !output.IsMessages()) {
    problems.push_back({"sink.component", "Only a place of messages can be tried, as kafka."});
  }
  const auto source = inspection.catalogue.Find(Role::kSource, spec->outputs(0).sink().component());
  if (!source.ok()) problems.push_back({"sink.component", MessageOf(source.status())});
  std::unique_ptr<Plan> plan;
  if (problems.empty()) {
    plan = PlanDataset(spec->dataset(), inspection.catalogue, inspection.environment,
                       inspection.now_ms, &problems);
  }
  if (plan != nullptr) output.Configure(*plan, &problems);
  for (Problem& problem : problems) {
    constexpr std::string_view kElement = "outputs[0].";
    if (problem.field.starts_with(kElement)) problem.field.erase(0, kElement.size());
  }
  if (plan == nullptr || !problems.empty()) return absl::InvalidArgumentError("sink");
  const auto decoder =
      inspection.catalogue.Find(Role::kDecoder, spec->outputs(0).format().component());
  return Diagnosis(*spec, *plan, output, **source, decoder.ok() ? *decoder : nullptr, inspection)
      .Run();
}

}  // namespace throng
