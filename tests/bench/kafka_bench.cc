// Rows a second into a real broker, and the processor's time for each: the sink `kafka` without and
// with headers, and the plainest programs that produce the same records with librdkafka and the
// same settings, in turn. Then rows a second out of it, by the source `kafka`.
//   kafka_bench BOOTSTRAP_SERVERS [ROWS]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "server/host/readers.h"
#include "tests/plugins/sinks/kafka_cluster.h"

namespace throng {
namespace {

constexpr uint32_t kBlock = 16'384;
constexpr int64_t kTransaction = 100'000;
constexpr size_t kRounds = 7;
constexpr char kRun[] = "0123456789abcdef0123456789abcdef";

void Require(bool is_well, const std::string& what) {
  if (is_well) return;
  fmt::print(stderr, "{}\n", what);
  std::exit(1);
}

// Messages as the seed job has them, 92 bytes of JSON each.
struct Messages {
  Messages() {
    for (uint32_t i = 0; i < kBlock; ++i) {
      bytes += fmt::format("user_{}", i * 7919 % 500 + 1);
      key_end.push_back(static_cast<uint32_t>(bytes.size()));
      bytes += fmt::format(
          R"({{"user_id": "user_{}", "item_id": "item_{}", "rating": 4.5, "timestamp": )"
          R"("2024-01-01T00:00:40Z"}})",
          i * 7919 % 500 + 1, i * 104'729 % 1000 + 1);
      value_end.push_back(static_cast<uint32_t>(bytes.size()));
    }
  }
  throng_records Records(int64_t first) const {
    throng_records records{};
    records.struct_size = sizeof records;
    records.rows = kBlock;
    records.first_row = first;
    records.bytes = {bytes.data(), bytes.size()};
    records.key_end = key_end.data();
    records.value_end = value_end.data();
    return records;
  }
  std::string bytes;
  std::vector<uint32_t> key_end;
  std::vector<uint32_t> value_end;
};

struct Speed {
  double million_rows = 0;  // a second
  double microseconds = 0;  // of all threads for a row
};

// From here on.
class Watch {
 public:
  Speed Of(int64_t rows) const {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    const double clocks = static_cast<double>(std::clock() - clock_) / CLOCKS_PER_SEC;
    const double million = static_cast<double>(rows) / 1e6;
    return {million / passed.count(), clocks / million};
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::clock_t clock_ = std::clock();
};

struct Job {
  bool has_transactions;
  bool has_headers;
};

Speed OfSink(const std::string& servers, const std::string& topic, Job job, int64_t rows,
             const Messages& messages) {
  KafkaOutput output(servers,
                     {{"topic", topic},
                      {"partitions", "1"},
                      {"headers", job.has_headers ? "true" : "false"},
                      {"delivery", job.has_transactions ? "exactly_once" : "at_least_once"}});
  const auto opened = output.Open();
  Require(opened.ok(), opened.status().ToString());
  const Watch watch;
  int64_t committed = 0;
  for (int64_t row = 0; row < rows; row += kBlock) {
    absl::Status status = output.Write(messages.Records(row));
    const bool is_due = row + kBlock - committed >= kTransaction || row + kBlock >= rows;
    if (status.ok() && is_due) status = output.Commit(committed = row + kBlock);
    Require(status.ok(), status.ToString());
  }
  return watch.Of(rows);
}

Speed OfPlainProgram(const std::string& servers, const std::string& topic, Job job, int64_t rows,
                     const Messages& messages) {
  std::map<std::string, std::string> properties = {{"bootstrap.servers", servers},
                                                   {"enable.idempotence", "true"},
                                                   {"acks", "all"},
                                                   {"queue.buffering.max.messages", "500000"},
                                                   {"queue.buffering.max.kbytes", "131072"},
                                                   {"batch.num.messages", "1000000"},
                                                   {"batch.size", "1000000"},
                                                   {"linger.ms", "5"},
                                                   {"partitioner", "murmur2_random"}};
  if (job.has_transactions) properties["transactional.id"] = "plain-program";
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[256];
  for (const auto& [name, value] : properties) {
    rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason);
  }
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void*) {
    Require(message->err == RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_err2str(message->err));
  });
  const std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)> producer(
      rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason), rd_kafka_destroy);
  const std::unique_ptr<rd_kafka_topic_t, void (*)(rd_kafka_topic_t*)> handle(
      rd_kafka_topic_new(producer.get(), topic.c_str(), nullptr), rd_kafka_topic_destroy);
  const auto require = [](rd_kafka_error_t* error) {
    Require(error == nullptr, error == nullptr ? "" : rd_kafka_error_string(error));
  };
  if (job.has_transactions) require(rd_kafka_init_transactions(producer.get(), 60'000));
  const rd_kafka_metadata_t* metadata = nullptr;
  Require(rd_kafka_metadata(producer.get(), 0, handle.get(), &metadata, 60'000) ==
              RD_KAFKA_RESP_ERR_NO_ERROR,
          topic + " cannot be asked for");
  rd_kafka_metadata_destroy(metadata);
  const Watch watch;
  int64_t open = 0;
  std::string copy;
  for (int64_t row = 0; row < rows; row += kBlock) {
    if (job.has_transactions && open == 0) require(rd_kafka_begin_transaction(producer.get()));
    uint32_t begin = 0;
    copy = messages.bytes;  // librdkafka wants what it may change
    for (uint32_t i = 0; i < kBlock; ++i) {
      char* const value = copy.data() + messages.key_end[i];
      const size_t value_size = messages.value_end[i] - messages.key_end[i];
      char* const key = copy.data() + begin;
      const size_t key_size = messages.key_end[i] - begin;
      const std::string text = job.has_headers ? std::to_string(row + i) : "";
      const auto produce = [&] {
        if (!job.has_headers) {
          return rd_kafka_produce(handle.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value,
                                  value_size, key, key_size, nullptr) == 0;
        }
        rd_kafka_vu_t fields[6] = {};
        fields[0].vtype = RD_KAFKA_VTYPE_RKT;
        fields[0].u.rkt = handle.get();
        fields[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
        fields[1].u.i = RD_KAFKA_MSG_F_COPY;
        fields[2].vtype = RD_KAFKA_VTYPE_VALUE;
        fields[2].u.mem = {value, value_size};
        fields[3].vtype = RD_KAFKA_VTYPE_KEY;
        fields[3].u.mem = {key, key_size};
        fields[4].vtype = fields[5].vtype = RD_KAFKA_VTYPE_HEADER;
        fields[4].u.header = {"run", kRun, sizeof kRun - 1};
        fields[5].u.header = {"row", text.data(), static_cast<ssize_t>(text.size())};
        rd_kafka_error_t* const error = rd_kafka_produceva(producer.get(), fields, 6);
        if (error != nullptr) rd_kafka_error_destroy(error);
        return error == nullptr;
      };
      while (!produce()) rd_kafka_poll(producer.get(), 10);
      begin = messages.value_end[i];
    }
    rd_kafka_poll(producer.get(), 0);
    open += kBlock;
    if (open < kTransaction && row + kBlock < rows) continue;
    if (job.has_transactions) require(rd_kafka_commit_transaction(producer.get(), 60'000));
    if (!job.has_transactions) rd_kafka_flush(producer.get(), 60'000);
    open = 0;
  }
  return watch.Of(rows);
}

struct Named {
  const char* name;
  bool is_sink;
  bool has_headers;
};
constexpr Named kPrograms[] = {{"sink", true, false},
                               {"sink with headers", true, true},
                               {"plain program", false, false},
                               {"plain program with headers", false, true}};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Compare(const std::string& servers, int64_t rows) {
  const Messages messages;
  for (const bool has_transactions : {true, false}) {
    const char* delivery = has_transactions ? "exactly_once" : "at_least_once";
    const std::string topic = fmt::format("bench-{}-{}", delivery, getpid());
    const auto run = [&](const Named& program, int64_t some) {
      const Job job = {has_transactions, program.has_headers};
      if (!program.is_sink) return OfPlainProgram(servers, topic, job, some, messages);
      KafkaOutput forgetting(servers, {{"topic", topic}});
      Require(forgetting.Reset().ok(), "the position cannot be forgotten");
      return OfSink(servers, topic, job, some, messages);
    };
    // Topics, coordinator and the programs' connections are used before anything counts.
    for (const Named& program : kPrograms) run(program, kTransaction);
    constexpr size_t kCount = std::size(kPrograms);
    std::vector<Speed> speeds[kCount];
    for (size_t round = 0; round < kRounds; ++round) {
      for (size_t i = 0; i < kCount; ++i) {  // another one is first each time
        const size_t which = (round + i) % kCount;
        speeds[which].push_back(run(kPrograms[which], rows));
      }
    }
    fmt::print("{}, medians of {} rounds, and of the ratios to the first\n", delivery, kRounds);
    for (size_t i = 0; i < kCount; ++i) {
      std::vector<double> all[4];
      for (size_t round = 0; round < kRounds; ++round) {
        const Speed& own = speeds[i][round];
        const Speed& first = speeds[0][round];
        all[0].push_back(own.million_rows);
        all[1].push_back(own.million_rows / first.million_rows);
        all[2].push_back(own.microseconds);
        all[3].push_back(own.microseconds / first.microseconds);
      }
      fmt::print("{:27} {:.2f} M rows/s ({:.2f})   {:.2f} us of processors a row ({:.2f})\n",
                 kPrograms[i].name, Median(all[0]), Median(all[1]), Median(all[2]), Median(all[3]));
    }
  }
}

// All of a topic, seven times.
void Read(const std::string& servers, const std::string& topic) {
  static const Catalogue kCatalogue = *Catalogue::Load({THRONG_PLUGIN_FOLDER});
  const Component& component = **kCatalogue.Find(Role::kSource, "kafka");
  Problems problems;
  const OptionValues options = OptionValues::Parse(
      component, {{"bootstrap_servers", servers}, {"topic", topic}}, "source", 0, &problems);
  const Environment environment;
  std::vector<double> million_rows;
  std::vector<double> microseconds;
  for (size_t round = 0; round < kRounds; ++round) {
    const auto source = *Source::Create(component, environment, options.values());
    throng_start start{};
    start.struct_size = sizeof start;
    Require(source->Open(start).ok(), "the topic cannot be opened");
    const Watch watch;
    int64_t rows = 0;
    for (throng_input input{}; input.is_end == 0; rows += input.messages_count) {
      const absl::Status status = source->Read(10'000, &input);
      Require(status.ok(), status.ToString());
    }
    const Speed speed = watch.Of(rows);
    million_rows.push_back(speed.million_rows);
    microseconds.push_back(speed.microseconds);
  }
  fmt::print("source, medians of {} rounds: {:.2f} M rows/s, {:.2f} us of processors a row\n",
             kRounds, Median(million_rows), Median(microseconds));
}

}  // namespace
}  // namespace throng

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "kafka_bench BOOTSTRAP_SERVERS [ROWS]\n");
    return 2;
  }
  throng::Compare(argv[1], argc > 2 ? std::atoll(argv[2]) : 1'000'000);
  throng::Read(argv[1], fmt::format("bench-exactly_once-{}", getpid()));
}
