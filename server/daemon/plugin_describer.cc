#include "server/daemon/plugin_describer.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "server/daemon/worker_end.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

// Of a worker that is killed from outside: then it is left at the file where it was killed last.
constexpr int kMostKills = 3;

// Hears of one worker what it describes and how it ends.
class Hearing : public WorkerListener {
 public:
  void OnMessage(const worker::v1::FromWorker& message) override {
    if (!message.has_described()) return;
    const std::lock_guard lock(mutex_);
    described_.push_back(message.described());
    changed_.notify_all();
  }
  void OnEnded(const WorkerEnd& end) override {
    const std::lock_guard lock(mutex_);
    end_ = end;
    changed_.notify_all();
  }

  // Waits for the end of the worker, or until it has described nothing for `limit` (false).
  bool AwaitEnd(milliseconds limit) {
    std::unique_lock lock(mutex_);
    while (!end_) {
      const size_t before = described_.size();
      if (!changed_.wait_for(lock, limit, [&] { return end_ || described_.size() > before; })) {
        return false;
      }
    }
    return true;
  }
  void AwaitEnd() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return end_.has_value(); });
  }

  // Once it has ended:
  const std::vector<worker::v1::Described>& described() const { return described_; }
  const WorkerEnd& end() const { return *end_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<worker::v1::Described> described_;
  std::optional<WorkerEnd> end_;
};

PluginDescription Fault(std::string sentence, bool is_final) {
  PluginDescription description;
  description.error = std::move(sentence);
  description.is_final = is_final;
  return description;
}

}  // namespace

std::map<std::string, PluginDescription> DescribePlugins(std::vector<std::string> paths,
                                                         milliseconds limit, Workers* workers) {
  std::map<std::string, PluginDescription> descriptions;
  int kills = 0;
  while (!paths.empty()) {
    worker::v1::Start start;
    for (const std::string& path : paths) start.mutable_describe()->add_paths(path);
    const auto hearing = std::make_shared<Hearing>();
    LaunchOptions options;
    options.call_limit = limit;
    const WorkerId id = workers->Launch(start, hearing, options);
    const bool hangs = !hearing->AwaitEnd(limit);
    if (hangs) {
      workers->Kill(id);
      hearing->AwaitEnd();
    }
    for (const worker::v1::Described& described : hearing->described()) {
      const auto found = std::find(paths.begin(), paths.end(), described.path());
      if (found == paths.end()) continue;  // nobody has asked
      PluginDescription& description = descriptions[described.path()];
      if (described.has_plugin()) {
        description.plugin = described.plugin();
      } else {
        description.error = described.error();
      }
      paths.erase(found);
    }
    if (paths.empty()) break;
    const WorkerEnd& end = hearing->end();
    const std::string& first = paths.front();
    if (hangs) {
      descriptions[first] =
          Fault(fmt::format("plugin {} was not described within {}: loading it takes too long.",
                            first, DurationText(limit)),
                true);
    } else if (end.kind == WorkerEnd::Kind::kCrashed) {
      descriptions[first] = Fault(
          fmt::format("plugin {} ended the worker that described it: {}", first, end.sentence),
          true);
    } else if (end.kind == WorkerEnd::Kind::kKilled) {
      if (++kills < kMostKills) continue;
      kills = 0;
      descriptions[first] =
          Fault(fmt::format("plugin {} is not described: {}", first, end.sentence), false);
    } else {
      // Not the fault of a file: none of the others will fare better now.
      const std::string why = end.kind != WorkerEnd::Kind::kFinished ? end.sentence
                              : end.finished.code() != 0             ? end.finished.message()
                                                         : "The worker did not look at it.";
      for (const std::string& path : paths) {
        descriptions[path] = Fault(fmt::format("plugin {} is not described: {}", path, why), false);
      }
      break;
    }
    paths.erase(paths.begin());
  }
  return descriptions;
}

}  // namespace throng
