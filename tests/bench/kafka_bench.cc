// Million rows a second into a real broker: the sink `kafka` beside the plainest program that
// produces the same records with librdkafka and the same settings, in turn.
//   kafka_bench BOOTSTRAP_SERVERS [ROWS]
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/plugins/sinks/kafka_cluster.h"

namespace throng {
namespace {

constexpr uint32_t kBlock = 16'384;
constexpr int64_t kTransaction = 100'000;
constexpr int kRounds = 7;

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

using Clock = std::chrono::steady_clock;
double MillionRows(int64_t rows, Clock::time_point start) {
  return static_cast<double>(rows) / 1e6 /
         std::chrono::duration<double>(Clock::now() - start).count();
}

double OfSink(const std::string& servers, const std::string& topic, bool has_transactions,
              int64_t rows, const Messages& messages) {
  KafkaOutput output(servers, {{"topic", topic},
                               {"partitions", "1"},
                               {"delivery", has_transactions ? "exactly_once" : "at_least_once"}});
  const auto opened = output.Open();
  Require(opened.ok(), opened.status().ToString());
  const auto start = Clock::now();
  int64_t committed = 0;
  for (int64_t row = 0; row < rows; row += kBlock) {
    absl::Status status = output.Write(messages.Records(row));
    const bool is_due = row + kBlock - committed >= kTransaction || row + kBlock >= rows;
    if (status.ok() && is_due) status = output.Commit(committed = row + kBlock);
    Require(status.ok(), status.ToString());
  }
  return MillionRows(rows, start);
}

double OfPlainProgram(const std::string& servers, const std::string& topic, bool has_transactions,
                      int64_t rows, const Messages& messages) {
  std::map<std::string, std::string> properties = {{"bootstrap.servers", servers},
                                                   {"enable.idempotence", "true"},
                                                   {"acks", "all"},
                                                   {"queue.buffering.max.messages", "500000"},
                                                   {"queue.buffering.max.kbytes", "131072"},
                                                   {"batch.num.messages", "1000000"},
                                                   {"batch.size", "1000000"},
                                                   {"linger.ms", "5"},
                                                   {"partitioner", "murmur2_random"}};
  if (has_transactions) properties["transactional.id"] = "plain-program";
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
  if (has_transactions) require(rd_kafka_init_transactions(producer.get(), 60'000));
  const rd_kafka_metadata_t* metadata = nullptr;
  Require(rd_kafka_metadata(producer.get(), 0, handle.get(), &metadata, 60'000) ==
              RD_KAFKA_RESP_ERR_NO_ERROR,
          topic + " cannot be asked for");
  rd_kafka_metadata_destroy(metadata);
  const auto start = Clock::now();
  int64_t open = 0;
  std::string copy;
  for (int64_t row = 0; row < rows; row += kBlock) {
    if (has_transactions && open == 0) require(rd_kafka_begin_transaction(producer.get()));
    uint32_t begin = 0;
    copy = messages.bytes;  // librdkafka wants what it may change
    for (uint32_t i = 0; i < kBlock; ++i) {
      while (rd_kafka_produce(handle.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                              copy.data() + messages.key_end[i],
                              messages.value_end[i] - messages.key_end[i], copy.data() + begin,
                              messages.key_end[i] - begin, nullptr) != 0) {
        rd_kafka_poll(producer.get(), 10);
      }
      begin = messages.value_end[i];
    }
    rd_kafka_poll(producer.get(), 0);
    open += kBlock;
    if (open < kTransaction && row + kBlock < rows) continue;
    if (has_transactions) require(rd_kafka_commit_transaction(producer.get(), 60'000));
    if (!has_transactions) rd_kafka_flush(producer.get(), 60'000);
    open = 0;
  }
  return MillionRows(rows, start);
}

void Compare(const std::string& servers, int64_t rows) {
  const Messages messages;
  for (const bool has_transactions : {true, false}) {
    const char* name = has_transactions ? "exactly_once" : "at_least_once";
    const std::string topic = fmt::format("bench-{}-{}", name, getpid());
    const auto of_sink = [&](int64_t some) {
      KafkaOutput forgetting(servers, {{"topic", topic}});
      Require(forgetting.Reset().ok(), "the position cannot be forgotten");
      return OfSink(servers, topic, has_transactions, some, messages);
    };
    const auto of_plain_program = [&](int64_t some) {
      return OfPlainProgram(servers, topic, has_transactions, some, messages);
    };
    // Topics, coordinator and both programs' connections are used before anything counts.
    of_sink(kTransaction);
    of_plain_program(kTransaction);
    std::vector<double> ratios;
    for (int round = 0; round < kRounds; ++round) {
      const bool is_sink_first = round % 2 == 0;
      double sink = is_sink_first ? of_sink(rows) : 0;
      const double plain = of_plain_program(rows);
      if (!is_sink_first) sink = of_sink(rows);
      ratios.push_back(sink / plain);
      fmt::print("{:13} sink {:.2f} M rows/s, plain program {:.2f}, ratio {:.2f}\n", name, sink,
                 plain, sink / plain);
    }
    std::sort(ratios.begin(), ratios.end());
    fmt::print("{:13} median ratio {:.2f}\n", name, ratios[kRounds / 2]);
  }
}

}  // namespace
}  // namespace throng

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "kafka_bench BOOTSTRAP_SERVERS [ROWS]\n");
    return 2;
  }
  throng::Compare(argv[1], argc > 2 ? std::atoll(argv[2]) : 1'000'000);
}
