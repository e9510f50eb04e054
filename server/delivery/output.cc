#include "server/delivery/output.h"

#include <new>
#include <thread>
#include <utility>

#include "server/control/status.h"

namespace throng {

std::optional<Tally::Snapshot> Output::PeekStatistics() {
  const std::lock_guard lock(delivery_mutex_);
  if (delivery_ != nullptr) return delivery_->Peek();
  if (statistics_) return Tally::Snapshot{*statistics_};
  return std::nullopt;
}

void Output::Run(const Plan& plan, const WalkSettings& settings) {
  absl::StatusOr<bool> is_finished = false;
  try {
    is_finished = request_.BelongsToAnotherSlice() ? true : Deliver(plan, settings);
  } catch (const std::bad_alloc&) {
    is_finished = absl::ResourceExhaustedError(
        "there is not enough memory for this world; ask for fewer users and items.");
  } catch (const std::exception& error) {  // of the standard library, such as no more threads
    is_finished = absl::InternalError(error.what());
  }
  if (!is_finished.ok()) return GiveUp(is_finished.status());
  monitor_.SetState(*is_finished ? OutputState::kSucceeded : OutputState::kStopped);
  place_.Close();
}

void Output::GiveUp(const absl::Status& reason) {
  if (absl::IsCancelled(reason) && environment_.IsStopping()) {
    monitor_.SetState(OutputState::kStopped);
  } else {
    monitor_.SetState(OutputState::kFailed, MessageOf(reason));
  }
  place_.Close();
}

absl::StatusOr<bool> Output::Deliver(const Plan& plan, const WalkSettings& settings) {
  request_.Adopt(plan);
  place_.TakeUp();
  const auto patiently = [&](absl::Status (Place::*call)()) {
    return Patiently([&] { return (place_.*call)(); }, settings.retry_timeout);
  };
  if (absl::Status status = patiently(&Place::Begin); !status.ok()) return status;
  if (absl::Status status = place_.Verify(); !status.ok()) return status;
  was_complete_ = place_.HeldAll();
  if (!was_complete_) {
    monitor_.Change([this](OutputProgress* p) { p->went_on_from = place_.opened().position; });
  }
  if (absl::Status status = patiently(&Place::Grow); !status.ok()) return status;
  if (place_.opened().is_complete) {
    if (absl::Status status = TakeComplete(settings.tuning->Get().threads); !status.ok())
      return status;
    return true;
  }
  Delivery delivery(request_, &place_, settings, environment_, &monitor_);
  const auto show = [this](Delivery* shown) {
    const std::lock_guard lock(delivery_mutex_);
    delivery_ = shown;
  };
  show(&delivery);
  auto is_finished = delivery.Run();
  show(nullptr);
  const std::lock_guard lock(delivery_mutex_);
  if (is_finished.ok() && *is_finished) statistics_ = delivery.statistics();
  return is_finished;
}

absl::Status Output::TakeComplete(int threads) {
  const Slice& slice = request_.slice();
  std::optional<v1::Statistics> statistics;
  if (place_.stored()->has_statistics()) {
    statistics = place_.stored()->statistics();
  } else if (HasInteractions()) {  // when its last part was finished, more were to follow
    auto counted = Tally(request_.table(), environment_, slice, std::nullopt, slice.end(),
                         place_.stored()->counts(), threads)
                       .FinishOutput();
    if (!counted.ok()) return counted.status();
    statistics = *std::move(counted);
  }
  {
    const std::lock_guard lock(delivery_mutex_);
    statistics_ = std::move(statistics);
  }
  monitor_.Change([&](OutputProgress* progress) {
    progress->position = place_.opened().position.value_or(slice.end());
    progress->rows = progress->committed_rows = progress->total_rows =
        slice.RowsBelow(progress->position);
  });
  return absl::OkStatus();
}

absl::Status Output::Patiently(const std::function<absl::Status()>& call,
                               std::chrono::milliseconds retry_timeout) {
  constexpr std::chrono::milliseconds kBackOff{200};
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    absl::Status status = call();
    const bool is_transient = absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
    const bool is_patient =
        retry_timeout.count() == 0 || std::chrono::steady_clock::now() - start < retry_timeout;
    if (!is_transient || !is_patient) return status;
    if (environment_.IsStopping()) return absl::CancelledError("stopped before it began");
    monitor_.SetState(OutputState::kBlocked, MessageOf(status));
    std::this_thread::sleep_for(kBackOff);
    if (!environment_.IsPaused()) continue;
    monitor_.SetState(OutputState::kPaused);
    environment_.AwaitResume();
    monitor_.SetState(OutputState::kStarting);
  }
}

}  // namespace throng
