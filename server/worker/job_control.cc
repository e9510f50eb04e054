#include "server/worker/job_control.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "proto/utf8.h"
#include "server/control/call_page.h"
#include "server/control/frame.h"
#include "server/control/status.h"
#include "server/inspection/checklist.h"
#include "server/spec/problem.h"
#include "server/worker/messages.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

// Silence longer than a few of these makes the daemon doubt that the worker lives.
constexpr milliseconds kHeartbeat{1'000};
// Changes in quick succession are reported together.
constexpr milliseconds kLeastInterval{10};
constexpr int64_t kLongCallMs = 1'000;

constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};

// What plugins say may be no text, and a message that holds it could not be read.
void ReplaceInvalidText(google::protobuf::Message* message) {
  using google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& r = *message->GetReflection();
  const auto valid = [](std::string text) {
    for (size_t at = FindInvalidUtf8(text); at != std::string::npos; at = FindInvalidUtf8(text)) {
      text[at] = '?';
    }
    return text;
  };
  std::vector<const FieldDescriptor*> fields;
  r.ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool is_text = field->type() == FieldDescriptor::TYPE_STRING;
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!field->is_repeated()) {
      if (is_text) r.SetString(message, field, valid(r.GetString(*message, field)));
      if (is_message) ReplaceInvalidText(r.MutableMessage(message, field));
      continue;
    }
    for (int i = 0; (is_text || is_message) && i < r.FieldSize(*message, field); ++i) {
      if (is_text) {
        r.SetRepeatedString(message, field, i, valid(r.GetRepeatedString(*message, field, i)));
      } else {
        ReplaceInvalidText(r.MutableRepeatedMessage(message, field, i));
      }
    }
  }
}

}  // namespace

JobControl::JobControl(int control_fd) : fd_(control_fd) {
  environment_.is_stopping = &is_stopping_;
  environment_.is_paused = &is_paused_;
  environment_.on_progress = [this] { ReportSoon(); };
  environment_.metrics = &metrics_;
  environment_.log = [this](int32_t level, const std::string& source, const std::string& sentence) {
    if (level > THRONG_LOG_DEBUG) Log(level, source, sentence);
  };
}

void JobControl::Send(worker::v1::FromWorker message) {
  ReplaceInvalidText(&message);
  const std::lock_guard lock(send_mutex_);
  if (has_finished_) return;
  has_finished_ = message.has_finished();
  const absl::Status status = WriteFrame(fd_, message);
  // Without a daemon nobody hears; who reads the socket notices.
  if (!absl::IsInvalidArgument(status)) return;
  has_finished_ = true;
  worker::v1::FromWorker end;
  *end.mutable_finished() = AsFinished(absl::InternalError(MessageOf(status)));
  (void)WriteFrame(fd_, end);
}

void JobControl::Finish(const worker::v1::Finished& finished) {
  worker::v1::FromWorker message;
  *message.mutable_finished() = finished;
  Send(std::move(message));
}

void JobControl::Log(int32_t level, const std::string& source, const std::string& sentence) {
  worker::v1::FromWorker message;
  v1::LogLine* line = message.mutable_log();
  const int64_t now =
      std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  line->mutable_time()->set_seconds(now / 1000);
  line->mutable_time()->set_nanos(static_cast<int32_t>(now % 1000) * 1'000'000);
  line->set_level(kLevels[std::clamp(level, 0, 3)]);
  line->set_source(source);
  line->set_message(sentence);
  Send(message);
}

void JobControl::Begin(const worker::v1::Begin& begin) {
  const std::lock_guard lock(mutex_);
  if (begin.paused() && !is_stopping_) is_paused_ = true;
  if (begin.has_tune()) tune_ = begin.tune();
  has_begun_ = true;
  changed_.notify_all();
}

void JobControl::SetPaused(bool is_paused) {
  const std::lock_guard lock(mutex_);
  is_paused_ = is_paused && !is_stopping_;  // who stops is not held any more
  is_paused_.notify_all();
  ++commands_;
  is_dirty_ = true;  // it is told even if no output had the time to change
  changed_.notify_all();
}

void JobControl::Tune(const worker::v1::Tune& tune) {
  const std::lock_guard lock(mutex_);
  tune_ = tune;
  if (on_tune_) on_tune_(tune);
}

void JobControl::OnTune(std::function<void(const worker::v1::Tune&)> call) {
  const std::lock_guard lock(mutex_);
  on_tune_ = std::move(call);
  if (tune_ && on_tune_) on_tune_(*tune_);
}

void JobControl::Stop() {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  is_paused_ = false;  // who holds looks up and sees that it is over
  is_paused_.notify_all();
  changed_.notify_all();
  if (on_stop_) on_stop_();
}

void JobControl::OnStop(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  on_stop_ = std::move(call);
  if (is_stopping_ && on_stop_) on_stop_();
}

bool JobControl::AwaitBegin() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return has_begun_ || is_stopping_; });
  return !is_stopping_;
}

bool JobControl::AwaitResume() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !is_paused_ || is_stopping_; });
  return !is_stopping_;
}

void JobControl::Show(const Run* run) {
  const std::lock_guard statistics_lock(statistics_mutex_);
  const std::lock_guard lock(run_mutex_);
  run_ = run;
}

void JobControl::ReportSoon() {
  const std::lock_guard lock(mutex_);
  is_dirty_ = true;
  changed_.notify_all();
}

worker::v1::Progress JobControl::Progress() {
  worker::v1::Progress progress;
  progress.set_commands(commands_);  // before the outputs, never after
  {
    const std::lock_guard lock(run_mutex_);
    if (run_ != nullptr) {
      for (const auto& output : run_->outputs()) *progress.add_outputs() = StatusMessage(*output);
    }
  }
  for (const Metric& metric : metrics_.Read()) *progress.add_metrics() = MetricMessage(metric);
  for (const CallInfo& info : CallsIn(TheCallPage())) {
    if (info.lasts_ms < kLongCallMs) break;
    worker::v1::Call* call = progress.add_calls();
    call->set_component(info.component);
    call->set_row(info.row);
    call->set_lasts_ms(info.lasts_ms);
    call->set_is_patient(info.component.starts_with("sink ") ||
                         info.component.starts_with("source "));
  }
  return progress;
}

absl::StatusOr<v1::GetRunStatisticsResponse> JobControl::Statistics(const std::string& name) {
  const std::lock_guard statistics_lock(statistics_mutex_);  // the run stays as long
  const Run* run = nullptr;
  {
    const std::lock_guard lock(run_mutex_);
    run = run_;
  }
  Output* found = nullptr;
  std::vector<std::string> names;
  if (run != nullptr) {
    for (const auto& output : run->outputs()) {
      names.push_back(output->name());
      const bool is_meant = name.empty() ? output->HasInteractions() : output->name() == name;
      if (is_meant && found == nullptr) found = output.get();
    }
  }
  if (found == nullptr && !name.empty() && !names.empty()) {
    return absl::NotFoundError(
        fmt::format("The run has no output `{}`.{}", name, DidYouMean(name, names)));
  }
  if ((found == nullptr && !names.empty()) || (found != nullptr && !found->HasInteractions())) {
    return absl::FailedPreconditionError(
        "Only interactions have statistics; ask for those of an output whose table they are.");
  }
  const auto snapshot = found == nullptr ? std::nullopt : found->PeekStatistics();
  if (!snapshot) {
    return absl::FailedPreconditionError(
        "Nothing has been delivered yet; ask again once rows are.");
  }
  v1::GetRunStatisticsResponse answer;
  answer.set_output(found->name());
  *answer.mutable_statistics() = snapshot->statistics;
  *answer.mutable_checklist() = MakeChecklist(snapshot->statistics, run->plan());
  answer.set_rows_to_count(snapshot->rows_to_count);
  answer.set_is_final(found->progress().state == OutputState::kSucceeded);
  return answer;
}

void JobControl::AnswerStatistics(const worker::v1::GetStatistics& request) {
  worker::v1::FromWorker message;
  worker::v1::StatisticsReport* report = message.mutable_statistics();
  report->set_id(request.id());
  auto statistics = Statistics(request.output());
  if (statistics.ok()) {
    *report->mutable_statistics() = *std::move(statistics);
  } else {
    report->set_code(static_cast<int32_t>(statistics.status().code()));
    report->set_message(MessageOf(statistics.status()));
  }
  Send(std::move(message));
}

void JobControl::Report() {
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    changed_.wait_for(lock, kHeartbeat, [this] { return is_dirty_ || is_over_; });
    if (is_over_) return;
    is_dirty_ = false;
    lock.unlock();
    worker::v1::FromWorker message;
    *message.mutable_progress() = Progress();
    Send(message);
    lock.lock();
    changed_.wait_for(lock, kLeastInterval, [this] { return is_over_; });
  }
}

void JobControl::EndReports() {
  const std::lock_guard lock(mutex_);
  is_over_ = true;
  changed_.notify_all();
}

}  // namespace throng
