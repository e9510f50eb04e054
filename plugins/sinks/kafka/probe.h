// Trying the way to a topic, step by step.
#pragma once

#include "plugins/sinks/kafka/connection.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// The steps reach, metadata and topic, until one fails; each takes some seconds at most.
void ProbeKafka(const KafkaConnection& connection, const Host& host, const ProbeVisitor& visit);

}  // namespace throng::plugins
