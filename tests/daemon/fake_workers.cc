#include "tests/daemon/fake_workers.h"

#include <unistd.h>

#include <algorithm>
#include <future>
#include <utility>

namespace throng {

FakeWorkers::FakeWorkers() {
  on_launch = [this](WorkerId id, const worker::v1::Start& start) {
    if (start.has_positions()) {
      worker::v1::FromWorker message;
      for (const v1::OutputSpec& output : start.positions().asked().outputs()) {
        message.mutable_positions()->add_positions()->set_output(output.name());
      }
      Say(id, message);
    } else {
      Say(id, PlannedFor(start));
    }
  };
  on_message = [this](WorkerId id, const worker::v1::ToWorker& message) {
    if (message.has_stop()) End(id, FinishedAs(v1::OUTPUT_STATE_STOPPED, 10));
  };
  thread_ = std::thread([this] { Work(); });
}

FakeWorkers::~FakeWorkers() {
  Post([this] {  // what a test wanted may be gone already
    on_launch = [](WorkerId, const worker::v1::Start&) {};
    on_message = [](WorkerId, const worker::v1::ToWorker&) {};
  });
  is_deaf_to_kill = false;
  while (alive() > 0) {
    for (WorkerId id = 1; id <= last(); ++id) Kill(id);
    Settle();
  }
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void FakeWorkers::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_over_ || !work_.empty(); });
    if (work_.empty()) return;
    const std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

void FakeWorkers::Post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  work_.push_back(std::move(work));
  changed_.notify_all();
}

void FakeWorkers::Settle() {
  // What is done may make more to do.
  for (bool is_idle = false; !is_idle;) {
    const auto done = std::make_shared<std::promise<bool>>();
    std::future<bool> was_last = done->get_future();
    Post([this, done] {
      const std::lock_guard lock(mutex_);
      done->set_value(work_.empty());
    });
    is_idle = was_last.get();
  }
}

void FakeWorkers::Advance(std::chrono::milliseconds time) {
  std::vector<std::function<void()>> due;
  {
    const std::lock_guard lock(mutex_);
    now_ += time;
    const auto end = timers_.upper_bound(now_);
    for (auto it = timers_.begin(); it != end; ++it) due.push_back(std::move(it->second));
    timers_.erase(timers_.begin(), end);
  }
  for (auto& call : due) Post(std::move(call));
  Settle();
}

WorkerId FakeWorkers::Launch(const worker::v1::Start& start,
                             std::shared_ptr<WorkerListener> listener,
                             const LaunchOptions& options) {
  WorkerId id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = workers_.size() + 1;
    FakeWorker& worker = workers_[id];
    worker.start = start;
    worker.listener = std::move(listener);
    if (options.row_fd != nullptr) {
      int ends[2] = {-1, -1};
      if (pipe(ends) == 0) worker.row_fd = ends[1];
      *options.row_fd = ends[0];
    }
    if (!start.run().uid().empty()) {
      most_of_a_run_ = std::max(most_of_a_run_, ++alive_of_run_[start.run().uid()]);
    }
  }
  Post([this, id, start] { on_launch(id, start); });
  return id;
}

void FakeWorkers::Note(WorkerId id, const std::string& word) {
  const std::lock_guard lock(mutex_);
  std::string& sent = workers_.at(id).sent;
  sent += (sent.empty() ? "" : " ") + word;
}

void FakeWorkers::Send(WorkerId id, const worker::v1::ToWorker& message) {
  static const std::map<worker::v1::ToWorker::MessageCase, std::string> kWords = {
      {worker::v1::ToWorker::kBegin, "begin"},
      {worker::v1::ToWorker::kPause, "pause"},
      {worker::v1::ToWorker::kResume, "resume"},
      {worker::v1::ToWorker::kTune, "tune"},
      {worker::v1::ToWorker::kStop, "stop"},
      {worker::v1::ToWorker::kGetStatistics, "get_statistics"}};
  Note(id, kWords.at(message.message_case()));
  Post([this, id, message] {
    if (IsAlive(id)) on_message(id, message);
  });
}

void FakeWorkers::Kill(WorkerId id) {
  if (!IsAlive(id)) return;
  Note(id, "kill");
  if (is_deaf_to_kill) return;
  WorkerEnd end;
  end.kind = WorkerEnd::Kind::kKilled;
  end.sentence = "The daemon ended the worker.";
  End(id, end);
}

Timers::Clock::time_point FakeWorkers::Now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

void FakeWorkers::CallAt(Clock::time_point time, std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  timers_.emplace(time, std::move(call));
}

void FakeWorkers::Say(WorkerId id, const worker::v1::FromWorker& message) {
  Post([this, id, message] {
    std::shared_ptr<WorkerListener> listener;
    {
      const std::lock_guard lock(mutex_);
      if (workers_.at(id).is_alive) listener = workers_.at(id).listener;
    }
    if (listener != nullptr) listener->OnMessage(message);
  });
}

void FakeWorkers::End(WorkerId id, const WorkerEnd& end) {
  Post([this, id, end] {
    std::shared_ptr<WorkerListener> listener;
    {
      const std::lock_guard lock(mutex_);
      FakeWorker& worker = workers_.at(id);
      if (!worker.is_alive) return;
      worker.is_alive = false;
      if (worker.row_fd >= 0) close(worker.row_fd);
      if (!worker.start.run().uid().empty()) --alive_of_run_[worker.start.run().uid()];
      listener = std::move(worker.listener);
    }
    listener->OnEnded(end);
  });
}

size_t FakeWorkers::launches() const {
  const std::lock_guard lock(mutex_);
  return workers_.size();
}

WorkerId FakeWorkers::last() const { return launches(); }

bool FakeWorkers::IsAlive(WorkerId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = workers_.find(id);
  return found != workers_.end() && found->second.is_alive;
}

size_t FakeWorkers::alive() const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(std::count_if(workers_.begin(), workers_.end(),
                                           [](const auto& w) { return w.second.is_alive; }));
}

worker::v1::Start FakeWorkers::StartOf(WorkerId id) const {
  const std::lock_guard lock(mutex_);
  return workers_.at(id).start;
}

std::string FakeWorkers::SentTo(WorkerId id) const {
  const std::lock_guard lock(mutex_);
  return workers_.at(id).sent;
}

int FakeWorkers::most_of_a_run() const {
  const std::lock_guard lock(mutex_);
  return most_of_a_run_;
}

worker::v1::FromWorker PlannedFor(const worker::v1::Start& start,
                                  const std::vector<std::string>& outputs) {
  worker::v1::FromWorker message;
  worker::v1::Planned* planned = message.mutable_planned();
  planned->set_uid(start.run().uid());
  planned->mutable_plan()->set_fingerprint(std::string(64, 'f'));
  planned->mutable_plan()->add_warnings("So few rows hold it only about.");
  planned->mutable_asked()->mutable_dataset()->set_seed(5);
  for (const std::string& name : outputs) {
    v1::OutputSpec* spec = planned->mutable_asked()->add_outputs();
    spec->set_name(name);
    spec->set_table(v1::TABLE_INTERACTIONS);
    v1::OutputPlan* plan = planned->mutable_plan()->add_outputs();
    plan->set_name(name);
    plan->set_place(name + ".out");
    plan->set_rows(1000);
  }
  *planned->mutable_plan()->mutable_spec() = planned->asked();
  return message;
}

}  // namespace throng
