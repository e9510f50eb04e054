#include "server/worker/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/worker/digest.h"

namespace throng {

std::unique_ptr<Run> Run::Create(const v1::RunSpec& spec, const Catalogue& catalogue,
                                 const Environment& environment, int64_t now, Problems* problems) {
  std::unique_ptr<Run> run(new Run(spec, catalogue, environment, now));
  const size_t problems_before = problems->size();
  run->plan_ = Plan::Create(spec.dataset(), catalogue, environment, now, problems);
  for (int i = 0; i < spec.outputs_size(); ++i) {
    run->outputs_.push_back(
        std::make_unique<Output>(spec, i, catalogue, environment, now, problems));
  }
  if (problems->size() > problems_before) return nullptr;
  for (const auto& output : run->outputs_) output->Configure(*run->plan_, problems);
  for (size_t i = 0; i < run->outputs_.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (run->outputs_[i]->place().empty() ||
          run->outputs_[i]->place() != run->outputs_[j]->place()) {
        continue;
      }
      problems->push_back(
          {fmt::format("outputs[{}].sink", i),
           fmt::format("writes to {}, as the output `{}` does; give each a place of its own.",
                       run->outputs_[i]->place(), run->outputs_[j]->name())});
    }
  }
  return problems->size() > problems_before ? nullptr : std::move(run);
}

Run::~Run() {
  for (std::thread& thread : threads_) thread.join();
}

// A one-shot run is named by what it writes, so that the same command meets its own positions.
std::string Run::Uid() const {
  Digest digest;
  digest.AddField("throng run 1");
  for (const auto& output : outputs_) digest.AddField(output->name()).AddField(output->identity());
  return digest.Hex().substr(0, 32);
}

absl::Status Run::Open() {
  const std::string uid = Uid();
  const Output* first_stored = nullptr;
  for (const auto& output : outputs_) {
    if (absl::Status status = output->Open(uid); !status.ok()) return status;
    if (!output->stored()) continue;
    if (first_stored == nullptr) first_stored = output.get();
    // What is equal as asked may differ as resolved: a run that starts at now-7d.
    if (output->stored()->fingerprint() == first_stored->stored()->fingerprint()) continue;
    return absl::FailedPreconditionError(fmt::format(
        "the outputs `{}` and `{}` were begun with different datasets (relative times such as "
        "now-7d "
        "are resolved when an output begins). Delete one of {} and {} to start it over.",
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
  auto plan = Plan::Create(dataset, catalogue_, environment_, now_, &problems);
  if (plan == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("output `{}`: {} was begun with a dataset that cannot be planned here: {}",
                    first_stored->name(), first_stored->place(), ToString(problems)));
  }
  plan_ = std::move(plan);
  return absl::OkStatus();
}

void Run::Start(std::chrono::milliseconds retry_timeout) {
  const int total = spec_.threads() > 0
                        ? spec_.threads()
                        : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  WalkSettings settings;
  settings.threads = std::max(1, total / static_cast<int>(outputs_.size()));
  settings.rate = spec_.pace().rate();
  settings.retry_timeout = retry_timeout;
  running_ = outputs_.size();
  for (const auto& output : outputs_) {
    threads_.emplace_back([this, settings, &output = *output] {
      output.Run(*plan_, settings);
      const std::lock_guard lock(mutex_);
      if (--running_ == 0) ended_.notify_all();
    });
  }
}

void Run::Wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, time, [this] { return HasEnded(); });
}

}  // namespace throng
