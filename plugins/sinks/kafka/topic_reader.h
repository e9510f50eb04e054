// The two topics of an output as they are at the brokers: whether they are fit for it, and what
// they hold.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "plugins/sinks/kafka/client.h"
#include "plugins/sinks/kafka/options.h"
#include "plugins/sinks/kafka/positions.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// Two connections for as long as it lives, which a run does not need.
class TopicReader {
 public:
  TopicReader(const KafkaOptions& options, const Host& host);

  // Finds both topics or makes them, and sees that they are fit for what `target` writes.
  void Require(const throng_target& target);
  // Finds them; false: there is no positions topic. A topic for the data has 0 partitions if there
  // is none.
  bool Find();
  // The same, but makes a positions topic that is missing, if it may.
  bool FindOrMakePositions();
  int32_t partitions() const { return partitions_; }
  int32_t positions_partitions() const { return positions_partitions_; }

  // Of both topics, by their settings when it first looked.
  KafkaLimits Limits();
  // How long the topic keeps records, in ms, if it does not keep them without end.
  std::optional<int64_t> RetentionMs() const;
  // The record of the position with that key, if there is one.
  std::optional<std::string> Position(const std::string& key);
  // Why the topic is not one that had these ends, if it is not; warns of rows that the brokers
  // removed.
  std::optional<std::string> WhyNotOf(const std::map<int32_t, KafkaEnd>& ends);

 private:
  void CheckTopic(const throng_target& target);
  void RequirePositionsTopic(const throng_target& target);
  bool HoldsRecords();

  const KafkaOptions& options_;
  const Host host_;
  KafkaClient all_;        // reads everything
  KafkaClient committed_;  // reads what is committed
  int32_t partitions_ = 0;
  int32_t positions_partitions_ = 0;
  std::map<std::string, std::string> config_;            // of the topic
  std::map<std::string, std::string> positions_config_;  // of the positions topic
};

}  // namespace throng::plugins
