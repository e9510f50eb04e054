#include "server/daemon/metrics.h"

#include <dirent.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "server/daemon/state_words.h"
#include "server/daemon/wall_clock.h"

namespace throng {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr int64_t kFailedRecentlyMs = 3'600'000;

// Families by name, so that each stands in one place of the text.
class Families {
 public:
  void Add(const std::string& name, const std::string& help, MetricType type, Labels labels,
           double value) {
    ClientMetric metric = Begin(std::move(labels));
    if (type == MetricType::Counter) metric.counter.value = value;
    if (type == MetricType::Gauge) metric.gauge.value = value;
    if (type == MetricType::Untyped) metric.untyped.value = value;
    Family(name, help, type)->metric.push_back(std::move(metric));
  }

  void AddTimes(const std::string& name, const std::string& help, Labels labels,
                const v1::CommitTimes& times) {
    ClientMetric metric = Begin(std::move(labels));
    uint64_t count = 0;
    for (int i = 0; i < times.counts_size(); ++i) {
      count += static_cast<uint64_t>(times.counts(i));
      const double bound =
          i < times.bounds_size() ? times.bounds(i) : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({count, bound});
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = times.seconds();
    Family(name, help, MetricType::Histogram)->metric.push_back(std::move(metric));
  }

  // A figure of a plugin: two may have given one name to different things.
  void AddOfComponent(const std::string& run, const v1::ComponentMetric& figure) {
    const std::string name = "throng_component_" + figure.name();
    const bool is_counter = figure.kind() == v1::METRIC_KIND_COUNTER;
    MetricType type = is_counter ? MetricType::Counter : MetricType::Gauge;
    MetricFamily* family = Family(name, "Counted by a component of a run.", type);
    if (family->type != type) {
      for (ClientMetric& metric : family->metric) {
        metric.untyped.value =
            family->type == MetricType::Counter ? metric.counter.value : metric.gauge.value;
      }
      family->type = type = MetricType::Untyped;
    }
    Add(name, "", type, {{"run", run}, {"role", figure.role()}, {"component", figure.component()}},
        figure.value());
  }

  std::string Text() const {
    std::vector<MetricFamily> all;
    for (const auto& [name, family] : families_) all.push_back(family);
    return prometheus::TextSerializer().Serialize(all);
  }

 private:
  static ClientMetric Begin(Labels labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    return metric;
  }

  MetricFamily* Family(const std::string& name, const std::string& help, MetricType type) {
    MetricFamily* family = &families_[name];
    if (family->name.empty()) {
      family->name = name;
      family->help = help;
      family->type = type;
    }
    return family;
  }

  std::map<std::string, MetricFamily> families_;
};

std::string ShortName(const std::string& name) { return name.substr(name.find('/') + 1); }

bool IsAtRest(const v1::Run& run) {
  return run.state() == v1::RUN_STATE_SUCCEEDED || run.state() == v1::RUN_STATE_FAILED ||
         run.state() == v1::RUN_STATE_STOPPED;
}

void AddOutput(const std::string& run, const v1::OutputStatus& output, Families* families) {
  const Labels labels = {{"run", run}, {"output", output.name()}};
  const auto add = [&](const char* name, const char* help, MetricType type, double value) {
    families->Add(name, help, type, labels, value);
  };
  add("throng_output_rows_total", "Rows delivered, committed or not.", MetricType::Counter,
      static_cast<double>(output.rows()));
  add("throng_output_bytes_total", "Bytes delivered by the present or last worker.",
      MetricType::Counter, static_cast<double>(output.bytes()));
  add("throng_output_committed_rows_total", "Rows delivered for good.", MetricType::Counter,
      static_cast<double>(output.committed_rows()));
  add("throng_output_position", "The smallest row that is not delivered for good.",
      MetricType::Gauge, static_cast<double>(output.position()));
  if (output.total_rows() >= 0) {
    add("throng_output_expected_rows", "Rows of the output; absent: it is without end.",
        MetricType::Gauge, static_cast<double>(output.total_rows()));
  }
  add("throng_output_rows_per_second", "Rows a second at present.", MetricType::Gauge,
      output.rows_per_second());
  add("throng_output_asked_rows_per_second",
      "Rows a second that the pace asks for; 0: as fast as possible.", MetricType::Gauge,
      output.asked_rows_per_second());
  if (output.has_lag()) {
    add("throng_output_lag_seconds", "How far the time of the last row is behind the present.",
        MetricType::Gauge,
        static_cast<double>(output.lag().seconds()) + 1e-9 * output.lag().nanos());
  }
  add("throng_output_retries_total", "How often what was refused for a time was tried again.",
      MetricType::Counter, static_cast<double>(output.retries()));
  Labels state = labels;
  state.push_back({"state", WordOf(output.state())});
  families->Add("throng_output_state", "1 for the state that the output is in.", MetricType::Gauge,
                std::move(state), 1);
  if (output.has_commit_times()) {
    families->AddTimes("throng_commit_seconds", "How long commits took.", labels,
                       output.commit_times());
  }
}

void AddRun(const v1::Run& run, Families* families) {
  const std::string name = ShortName(run.name());
  families->Add("throng_run_state", "1 for the state that the run is in.", MetricType::Gauge,
                {{"run", name}, {"state", WordOf(run.state())}}, 1);
  families->Add("throng_run_restarts_total", "Workers that ended before the run did.",
                MetricType::Counter, {{"run", name}}, run.restarts());
  for (const v1::OutputStatus& output : run.outputs()) AddOutput(name, output, families);
  for (const v1::ComponentMetric& figure : run.metrics()) families->AddOfComponent(name, figure);
}

// What every process tells, by the names that dashboards know.
void AddProcess(Families* families) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  families->Add("process_cpu_seconds_total", "CPU time of the daemon, without its workers.",
                MetricType::Counter, {}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  int64_t pages = 0;
  int64_t resident = 0;
  if (std::ifstream("/proc/self/statm") >> pages >> resident) {
    families->Add("process_resident_memory_bytes", "Memory of the daemon, without its workers.",
                  MetricType::Gauge, {}, static_cast<double>(resident * sysconf(_SC_PAGESIZE)));
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  int count = -3;  // `.`, `..`, and that of the folder
  while (folder != nullptr && readdir(folder.get()) != nullptr) ++count;
  families->Add("process_open_fds", "Descriptors of the daemon.", MetricType::Gauge, {}, count);
}

}  // namespace

void RunFigures::Take(const v1::Run& before, const v1::Run& now) {
  const std::lock_guard lock(mutex_);
  if (!before.name().empty()) --counts_[before.state()];
  at_work_.erase(before.name());
  failed_at_ms_.erase(before.name());
  if (now.name().empty()) return;
  ++counts_[now.state()];
  const bool has_ended =
      now.state() == v1::RUN_STATE_SUCCEEDED || now.state() == v1::RUN_STATE_FAILED;
  if (has_ended && !before.name().empty() && before.state() != now.state()) ++ends_[now.state()];
  if (now.state() == v1::RUN_STATE_FAILED) failed_at_ms_[now.name()] = MsOf(now.end_time());
  if (IsAtRest(now)) return;
  v1::Run* kept = &at_work_[now.name()];
  kept->set_name(now.name());
  kept->set_state(now.state());
  kept->set_restarts(now.restarts());
  *kept->mutable_outputs() = now.outputs();
  *kept->mutable_metrics() = now.metrics();
}

std::string RunFigures::Text(bool is_ready, int64_t now_ms) const {
  Families families;
  families.Add("throng_info", "The daemon's version.", MetricType::Gauge,
               {{"version", THRONG_VERSION}}, 1);
  families.Add("throng_ready", "1 while the daemon can do its work, as /readyz tells.",
               MetricType::Gauge, {}, is_ready ? 1 : 0);
  AddProcess(&families);
  const std::lock_guard lock(mutex_);
  for (const auto& [name, run] : at_work_) AddRun(run, &families);
  for (const auto& [name, failed_at_ms] : failed_at_ms_) {
    if (now_ms - failed_at_ms >= kFailedRecentlyMs) continue;
    families.Add("throng_run_failed", "A run that failed within the last hour.", MetricType::Gauge,
                 {{"run", ShortName(name)}}, 1);
  }
  for (int number = v1::RunState_MIN + 1; number <= v1::RunState_MAX; ++number) {
    const auto state = static_cast<v1::RunState>(number);
    const auto count = counts_.find(state);
    families.Add("throng_runs", "Runs by what they do.", MetricType::Gauge,
                 {{"state", WordOf(state)}}, count == counts_.end() ? 0 : count->second);
  }
  for (const v1::RunState state : {v1::RUN_STATE_SUCCEEDED, v1::RUN_STATE_FAILED}) {
    const auto count = ends_.find(state);
    families.Add("throng_run_ends_total", "Runs that ended since the daemon started.",
                 MetricType::Counter, {{"state", WordOf(state)}},
                 count == ends_.end() ? 0 : static_cast<double>(count->second));
  }
  return families.Text();
}

}  // namespace throng
