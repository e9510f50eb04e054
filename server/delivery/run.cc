#include "server/delivery/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/host/behaviours.h"
#include "server/spec/presets.h"

namespace throng {
namespace {

constexpr std::chrono::milliseconds kOpenBackOff{200};

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::chrono::steady_clock::time_point GiveUpAfter(std::chrono::milliseconds time) {
  using Clock = std::chrono::steady_clock;
  return time.count() > 0 ? Clock::now() + time : Clock::time_point::max();
}

}  // namespace

std::unique_ptr<Run> Run::Create(const v1::RunSpec& spec, const Catalogue& catalogue,
                                 const Environment& environment, int64_t now, Problems* problems) {
  std::unique_ptr<Run> run(new Run(spec, catalogue, environment, now));
  const size_t problems_before = problems->size();
  run->plan_ = PlanDataset(spec.dataset(), catalogue, environment, now, problems);
  for (int i = 0; i < spec.outputs_size(); ++i) {
    run->outputs_.push_back(
        std::make_unique<Output>(spec, i, catalogue, environment, now, problems));
  }
  if (problems->size() > problems_before) return nullptr;
  run->Tune(spec.pace(), NowMs(), spec.threads());
  for (const auto& output : run->outputs_) output->Configure(*run->plan_, problems);
  run->CheckPlaces(problems);
  return problems->size() > problems_before ? nullptr : std::move(run);
}

void Run::CheckComponents(const v1::RunSpec& spec, const Catalogue& catalogue,
                          const Environment& environment, int64_t now, Problems* problems) {
  Plan::CheckBehaviours(spec.dataset(), PluginBehaviours(catalogue, environment), now, problems);
  for (int i = 0; i < spec.outputs_size(); ++i) {
    const Output output(spec, i, catalogue, environment, now, problems);
  }
}

Run::~Run() {
  for (std::thread& thread : threads_) thread.join();
}

v1::RunSpec Run::ResolvedSpec() const {
  v1::RunSpec spec = spec_;
  *spec.mutable_dataset() = plan_->spec();
  for (size_t i = 0; i < outputs_.size(); ++i) {
    *spec.mutable_outputs(static_cast<int>(i)) = outputs_[i]->request().ResolvedSpec();
  }
  return spec;
}

std::string Run::Uid() const {
  if (!uid_.empty()) return uid_;
  Digest digest;
  digest.AddField("throng run 1");
  for (const auto& output : outputs_)
    digest.AddField(output->name()).AddField(output->request().identity());
  if (!again_.empty()) digest.AddField(again_);
  return digest.Hex().substr(0, 32);
}

void Run::CheckPlaces(Problems* problems) const {
  const auto place_of = [](const Output& output) {
    return std::filesystem::path(output.place()).lexically_normal();
  };
  for (size_t i = 0; i < outputs_.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const Output& one = *outputs_[i];
      const Output& other = *outputs_[j];
      const bool is_stdout = one.request().WritesToStdout() && other.request().WritesToStdout();
      const bool is_same = &one.request().sink() == &other.request().sink() &&
                           !one.place().empty() && place_of(one) == place_of(other);
      if (!is_stdout && !is_same) continue;
      problems->push_back({fmt::format("outputs[{}].sink", i),
                           fmt::format("writes to {}, as the output `{}` does; give each a place "
                                       "of its own.",
                                       is_stdout ? "standard output" : one.place(), other.name())});
    }
  }
}

std::vector<std::string> Run::Warnings() const {
  std::vector<std::string> warnings = plan_->warnings();
  const v1::DatasetSpec& dataset = plan_->spec();
  const int64_t rows = dataset.interactions();
  if (dataset.plan_size() != rows || InteractionsOfSize(dataset.size()) == rows) return warnings;
  for (const auto& output : outputs_) {
    const OutputRequest& request = output->request();
    if (!request.IsMessages() || !request.IsDurable() || !request.HasInteractions()) continue;
    warnings.push_back(fmt::format(
        "output `{}`: {} interactions are a dataset of their own. To send more rows of one that {} "
        "has already, set dataset.plan_size to the number that it has.",
        output->name(), rows, output->place()));
  }
  return warnings;
}

void Run::CheckPaths(Problems* problems) const {
  const std::string uid = Uid();
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const absl::Status status = outputs_[i]->CheckPath(uid);
    if (status.ok()) continue;
    const std::string option = OptionOf(status);
    problems->push_back(
        {fmt::format("outputs[{}].sink{}", i, option.empty() ? "" : ".options." + option),
         MessageOf(status)});
  }
}

absl::Status Run::OpenOutput(Output* output, const std::string& uid,
                             Clock::time_point give_up) const {
  while (true) {
    while (environment_.IsPaused()) {
      output->monitor()->SetState(OutputState::kPaused);
      environment_.AwaitResume();
      output->monitor()->SetState(OutputState::kStarting);
    }
    if (environment_.IsStopping()) return absl::CancelledError("stopped before it was opened");
    absl::Status status = output->Open(uid, !again_.empty());
    const bool is_transient = absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
    if (!is_transient || environment_.IsStopping() || Clock::now() >= give_up) return status;
    output->monitor()->SetState(OutputState::kBlocked, MessageOf(status));
    std::this_thread::sleep_for(kOpenBackOff);
  }
}

absl::Status Run::Open(std::chrono::milliseconds retry_timeout) {
  const Clock::time_point give_up = GiveUpAfter(retry_timeout);
  const std::string uid = Uid();
  absl::Status failure;
  std::string sentences;
  for (const auto& output : outputs_) {
    const absl::Status status = OpenOutput(output.get(), uid, give_up);
    if (status.ok()) continue;
    failure.Update(status);
    sentences += fmt::format("{}output {}: {}", sentences.empty() ? "" : "\n", output->name(),
                             MessageOf(status));
  }
  if (!failure.ok()) return absl::Status(failure.code(), sentences);
  return Settle();
}

absl::Status Run::Settle() {
  const Output* first_stored = nullptr;
  for (const auto& output : outputs_) {
    if (!output->stored()) continue;
    if (first_stored == nullptr) first_stored = output.get();
    // What is equal as asked may differ as resolved: a run that starts at now-7d.
    if (output->stored()->fingerprint() == first_stored->stored()->fingerprint()) continue;
    return absl::FailedPreconditionError(fmt::format(
        "the outputs `{}` and `{}` were begun with different datasets (relative times such as "
        "now-7d are resolved when an output begins). Delete one of {} and {} to start it over.",
        first_stored->name(), output->name(), first_stored->place(), output->place()));
  }
  if (first_stored == nullptr || first_stored->stored()->fingerprint() == plan_->fingerprint()) {
    return absl::OkStatus();
  }
  v1::DatasetSpec dataset = first_stored->stored()->dataset();
  dataset.clear_interactions();
  if (spec_.dataset().has_interactions()) {
    dataset.set_interactions(spec_.dataset().interactions());
  }
  Problems problems;
  auto plan = PlanDataset(dataset, catalogue_, environment_, now_, &problems);
  if (plan == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("output `{}`: {} was begun with a dataset that cannot be planned here: {}",
                    first_stored->name(), first_stored->place(), ToString(problems)));
  }
  plan_ = std::move(plan);
  return absl::OkStatus();
}

absl::Status Run::AwaitSettled() {
  std::unique_lock lock(mutex_);
  if (--unopened_ == 0) {
    settled_ = Settle();
    changed_.notify_all();
  }
  changed_.wait(lock, [this] { return unopened_ == 0; });
  return settled_;
}

void Run::Tune(const v1::Pace& pace, int64_t profile_start_ms, int threads) {
  const int total =
      threads > 0 ? threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int outputs = std::max(1, static_cast<int>(outputs_.size()));
  tuning_.Set({pace, profile_start_ms, std::max(1, total / outputs)});
}

void Run::StartThreads(const std::function<void(Output*)>& deliver) {
  running_ = outputs_.size();
  for (const auto& output : outputs_) {
    threads_.emplace_back([this, deliver, &output = *output] {
      deliver(&output);
      const std::lock_guard lock(mutex_);
      if (--running_ == 0) changed_.notify_all();
    });
  }
}

void Run::Start(std::chrono::milliseconds retry_timeout) {
  StartThreads([this, settings = WalkSettings{&tuning_, retry_timeout}](Output* output) {
    output->Run(*plan_, settings);
  });
}

void Run::OpenAndStart(std::chrono::milliseconds retry_timeout) {
  // A run that was given its uid was also given the time that it was created at.
  const bool must_agree = uid_.empty() && plan_->HasRelativeTimes();
  unopened_ = outputs_.size();
  StartThreads([=, this, settings = WalkSettings{&tuning_, retry_timeout}, uid = Uid(),
                give_up = GiveUpAfter(retry_timeout)](Output* output) {
    absl::Status status = OpenOutput(output, uid, give_up);
    const absl::Status agreed = must_agree ? AwaitSettled() : absl::OkStatus();
    status.Update(agreed);
    if (status.ok()) {
      output->Run(*plan_, settings);
    } else {
      output->GiveUp(status);
    }
  });
}

void Run::Wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [this] { return HasEnded(); });
}

}  // namespace throng
