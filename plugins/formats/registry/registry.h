// Schemas of messages in a schema registry that speaks Confluent's API: a message then begins with
// a zero byte and the four bytes of its schema's id, so that whoever reads it finds the schema.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "plugins/formats/registry/connection.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

enum class SubjectNameStrategy { kTopic, kRecord, kTopicRecord };

// Options of formats whose messages may have a registered schema; a format's own derive from them.
struct RegistryOptions : RegistryConnection {
  SubjectNameStrategy subject_name_strategy = SubjectNameStrategy::kTopic;
  bool registers = true;

  // After the format's own.
  template <class Options>
  static std::vector<OptionOf<Options>> AddTo(std::vector<OptionOf<Options>> options);
};

struct MessageSchema {
  std::string type;  // as registries call it: AVRO, JSON or PROTOBUF
  std::string text;
  std::string documented;  // the same with docs, which is what is registered
  std::string record;      // its full name
};

struct Registration {
  std::string header;      // of each message's value; empty without a registry
  std::string key_header;  // and of its key; empty where that has no schema
  std::string state;       // for Prologue: with it later instances need no registry
};

class SchemaRegistry {
 public:
  // The options outlive it.
  SchemaRegistry(const RegistryOptions& options, const Host& host)
      : options_(options), host_(host) {}

  // Registers the schemas of value and key, or looks them up, unless `destination.state` tells
  // their ids. Takes at most some seconds. UNAVAILABLE: the registry is not there now. Other errors
  // are those of the options, the registry's rules, and of a state that another registry or none
  // left behind.
  Registration Register(const MessageSchema& value, const std::optional<MessageSchema>& key,
                        const throng_destination& destination) const;

  // Files hold their schema or have none. Throws INVALID_ARGUMENT if a registry is given.
  void RefuseFiles() const;

 private:
  // What a state says of one schema. `stored`: what it said when the output was first opened.
  nlohmann::json StateOf(const std::string& subject, const MessageSchema& schema,
                         const nlohmann::json& stored) const;
  int64_t AskForId(const std::string& subject, const MessageSchema& schema) const;
  std::string Subject(const MessageSchema& schema, const throng_destination& destination) const;
  [[noreturn]] void Fail(int64_t status, const std::string& body, const std::string& subject) const;

  const RegistryOptions& options_;
  Host host_;
};

template <class Options>
std::vector<OptionOf<Options>> RegistryOptions::AddTo(std::vector<OptionOf<Options>> options) {
  using R = RegistryOptions;
  OptionOf<Options> all[] = {
      RegistryConnection::DeclareUrl<Options>(),
      Option<&R::subject_name_strategy, Options>(
          "subject_name_strategy",
          "The subject of a value's schema: TOPIC-value, throng.v1.Interaction, or "
          "TOPIC-throng.v1.Interaction.")
          .Choices({"topic", "record", "topic_record"}),
      Option<&R::registers, Options>(
          "register", "Whether a schema that the subject does not have is registered."),
  };
  for (OptionOf<Options>& option : all) options.push_back(std::move(option));
  RegistryConnection::AddCredentialsTo(&options);
  return options;
}

}  // namespace throng::plugins
